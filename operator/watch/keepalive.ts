import { isVastError } from "pulumi-vast/internal/api/errors";
import type { KeepaliveOptions } from "../commands/keepalive.ts";
import { openSession, type Session } from "../session.ts";
import { EXIT, printJson, progress } from "../terminal.ts";
import { type CheckReport, Watch } from "./check.ts";
import { fleetNames, watchSettings } from "./fleet-choice.ts";
import { lockFleet } from "./lock.ts";
import { printReport } from "./run-monitor.ts";
import { stackFleet } from "./stack-fleet.ts";

interface FleetReport extends Partial<CheckReport> {
  fleet: string;
  /** A monitor sees to it. */
  watched: boolean;
}

export async function keepalive(prefix: string | undefined, options: KeepaliveOptions): Promise<number> {
  const session = await openSession(options);
  const reports: FleetReport[] = [];
  for (const name of await fleetNames(session, prefix)) reports.push(await checkOne(session, name, options));
  if (options.json) printJson({ stack: session.stack.name, fleets: reports });
  if (reports.some(({ outage }) => outage !== undefined)) return EXIT.failure;
  const left = reports.some(
    ({ alerts = [], repaired = [] }) => alerts.length > 0 || repaired.some(({ error }) => error !== undefined),
  );
  return left ? EXIT.partial : EXIT.ok;
}

async function checkOne(session: Session, fleet: string, { json, dryRun }: KeepaliveOptions): Promise<FleetReport> {
  try {
    await using _lock = await lockFleet(session, fleet);
    const { record, clock, log: say, signal } = session;
    const watch = new Watch({
      fleet: stackFleet(session, fleet),
      record,
      nowS: clock.nowS,
      settings: watchSettings(session),
      say,
    });
    const report = await watch.check({ logs: true, signal, dryRun: dryRun ?? false });
    if (!json) printReport(session, report);
    return { fleet, watched: false, ...report };
  } catch (error) {
    if (!isVastError(error, "blocked") || !error.message.includes("is watched already")) throw error;
    progress(`${fleet}: a monitor watches it`);
    return { fleet, watched: true };
  }
}
