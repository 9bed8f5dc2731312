import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { whenFree } from "../change/when-free.ts";
import { withEdits } from "../change/with-edits.ts";
import { Interrupted, interrupts } from "../clock.ts";
import { sizing } from "../scale.ts";
import { openSession, type Session } from "../session.ts";
import { coloured, confirmed, EXIT, progress, table, UsageError } from "../terminal.ts";
import { type CheckReport, Watch } from "./check.ts";
import type { WatchedFleet } from "./fleet.ts";
import { type FleetOptions, fleetNames, watchSettings } from "./fleet-choice.ts";
import { lockFleet } from "./lock.ts";
import { keepWatch } from "./monitor.ts";
import { bootstrapCheck } from "./probe.ts";
import type { WatchSettings } from "./settings.ts";
import { stackFleet } from "./stack-fleet.ts";

export interface MonitorOptions extends FleetOptions {
  dryRun?: boolean;
  yes?: boolean;
  /** What Ctrl-C does; undefined: asks on a terminal, keeps the fleet elsewhere. */
  onExit?: "tear-down" | "keep";
}

export async function runMonitor(
  workers: number,
  prefix: string | undefined,
  options: MonitorOptions,
): Promise<number> {
  const tearingDown = new AbortController();
  const signal = interrupts((interrupted) => {
    if (tearingDown.signal.aborted) process.exit(EXIT.failure);
    progress("Again: what has begun is ended, nothing more is begun. Once more ends this at once.");
    tearingDown.abort(interrupted);
  });
  const session = await openSession(options, { signal });
  const settings = watchSettings(session);
  const name = await oneFleet(session, options.fleet ?? prefix);
  await probe(session, settings);
  const fleet = stackFleet(session, name);
  if (options.dryRun) return dryRun(session, fleet, workers, settings, options);
  await using _lock = await lockFleet(session, name, () => {
    progress(`another watch has taken over fleet ${name}`);
    process.exit(EXIT.failure);
  });
  await bringUp(session, name, workers, options);
  const watch = new Watch({ fleet, record: session.record, nowS: session.clock.nowS, settings, say: say(session) });
  const show = (report: CheckReport, logs: boolean) =>
    options.json ? printLine(report) : logs && printReport(session, report);
  await keepWatch({ watch, clock: session.clock, settings, signal, onReport: show });
  return end(session, fleet, options, tearingDown.signal);
}

async function oneFleet(session: Session, prefix: string | undefined): Promise<string> {
  const names = await fleetNames(session, prefix);
  const exact = names.find((name) => name === prefix) ?? (names.length === 1 ? names[0] : undefined);
  if (exact !== undefined) return exact;
  throw new UsageError(`a monitor watches one fleet: name one of ${names.join(", ")}; start another one for each`);
}

async function probe({ stack, log }: Session, settings: WatchSettings): Promise<void> {
  if (settings.probe === undefined) return;
  log(`Bootstrap check: ${await bootstrapCheck(settings.probe, stack.config("aws:region") ?? "us-east-1")}.`);
}

/** As many workers as asked for, by the same `up` as any other change; it may have been killed in the middle of one. */
async function bringUp(session: Session, name: string, workers: number, { yes }: MonitorOptions): Promise<void> {
  const { stack, record, log, signal } = session;
  const all = await session.fleets();
  const fleet = all.fleets.find((one) => one.name === name);
  const before = fleet?.config?.workers;
  if (before === undefined) throw new UsageError(`fleet ${name} is not in the stack config, so it cannot be scaled`);
  if (before === workers && fleet?.workers.length === workers) return;
  const fewer = workers < before;
  const question = `Fleet ${name} has ${before} workers, you ask for ${workers}: those above go, their results copied out first. Go on?`;
  if (fewer && !(await confirmed(question, yes))) throw new UsageError("nothing was changed");
  const beganS = session.clock.nowS();
  const failed = await whenFree(session, signal, async () => {
    const now = await session.fleets();
    // A kill or a scale meanwhile has the last word.
    const asked = now.fleets.find((one) => one.name === name)?.config?.workers;
    if (asked !== before) throw new UsageError(changedMeanwhile(name, before, asked));
    const { edits, targets } = sizing(now, { [name]: workers });
    await withEdits(session, edits, () => stack.up({ targets, onLine: log, signal }));
  }).then(
    () => undefined,
    (error: Error) => error,
  );
  const seconds = Math.round(session.clock.nowS() - beganS);
  const outcome = failed === undefined ? {} : { outcome: "partial" as const, error: failed.message };
  record.append({ what: "scale", why: "monitor", fleets: [name], before, after: workers, seconds, ...outcome });
  if (failed instanceof UsageError) throw failed;
  if (failed === undefined || signal.aborted) return;
  // What is there has to be watched, and the rest is tried again by the rules.
  const { fleets } = await session.fleets();
  if (!fleets.some((one) => one.name === name && one.workers.length > 0)) throw failed;
  progress(`Fleet ${name} is not complete; it is watched, and what is missing rented by the rules: ${failed.message}`);
}

function changedMeanwhile(name: string, before: number, asked: number | undefined): string {
  const now = asked === undefined ? "is not in the config any more" : `has ${asked} workers in the config now`;
  return `fleet ${name} ${now}, it had ${before} when this began: somebody changed it meanwhile, and nothing was rented`;
}

async function dryRun(
  session: Session,
  fleet: WatchedFleet,
  workers: number,
  settings: WatchSettings,
  { json }: MonitorOptions,
): Promise<number> {
  const { record, clock, log } = session;
  const report = await new Watch({ fleet, record, nowS: clock.nowS, settings, say: log }).check({
    logs: true,
    dryRun: true,
  });
  if (json) printLine(report);
  else {
    printReport(session, report);
    const { first, firstFor, later, list } = settings.every;
    console.log(
      `Would keep ${workers} workers: the list every ${list} s, logs every ${first} s for ${firstFor / 60} min and then every ${later} s. Nothing was changed.`,
    );
  }
  return report.outage === undefined ? EXIT.ok : EXIT.failure;
}

/** A terminal's Ctrl-C asks; a service manager's SIGTERM must not cost a fleet. */
async function end(
  session: Session,
  fleet: WatchedFleet,
  options: MonitorOptions,
  signal: AbortSignal,
): Promise<number> {
  const { record, signal: first } = session;
  const why = first.reason instanceof Interrupted ? first.reason.message : "told to end";
  const question = `Tear fleet ${fleet.name} down? Its results are copied out first; otherwise it runs on, and bills.`;
  const asked = options.onExit === undefined && process.stdin.isTTY && !why.includes("SIGTERM");
  const down = options.onExit === "tear-down" || (asked && (await confirmed(question, options.yes)));
  if (!down) {
    progress(`Fleet ${fleet.name} runs on, unwatched. \`vast-fleet down ${fleet.name}\` takes it down.`);
    return EXIT.ok;
  }
  progress(`Taking fleet ${fleet.name} down, volumes included; results are copied out first.`);
  const error = await fleet.tearDown(signal);
  record.append({
    what: "down",
    why,
    fleets: [fleet.name],
    outcome: error === undefined ? "ok" : "partial",
    ...(error ? { error } : {}),
  });
  if (error === undefined) {
    progress(`Fleet ${fleet.name} is down.${await parkedStill(session, fleet.name)}`);
    return EXIT.ok;
  }
  progress(`${error}\nWhat is left is in the state, and nothing is lost: \`vast-fleet down ${fleet.name}\` goes on.`);
  return EXIT.partial;
}

/** What is parked on a host that is offline cannot be taken down now. */
async function parkedStill(session: Session, fleet: string): Promise<string> {
  const now = await session.fleets().catch((error: Error) => error);
  if (now instanceof Error) return ` Whether anything of it is parked cannot be told now: ${now.message}`;
  const ours = now.findings.parked.filter(({ record }) => matchesPrefix(record.resource ?? record.label, fleet));
  const ids = ours.map(({ record }) => record.contract).join(", ");
  return ids === ""
    ? ""
    : ` Parked, and billing again once its host is back: ${ids}; \`vast-fleet reconcile\` ends them.`;
}

function say({ clock }: Session): (line: string) => void {
  return (line) => progress(`${timeOf(clock.nowS())} ${line}`);
}

function timeOf(epochS: number): string {
  return new Date(epochS * 1000).toISOString().slice(11, 19);
}

/** One line of JSON for each check. */
export function printLine(report: CheckReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

export function printReport(_: Session, { atS, workers, outage }: CheckReport): void {
  if (outage !== undefined) return;
  const rows = workers.map(({ worker, contract, phase, sign, repair, reason, dueS }) => [
    worker,
    contract === undefined ? "" : String(contract),
    phase,
    repair === "leave"
      ? dueS === undefined
        ? ""
        : `${sign}, acts at ${timeOf(dueS)}`
      : coloured("yellow", `${repair}: ${reason.slice(0, 60)}`),
  ]);
  console.log(`${timeOf(atS)}\n${table(["Worker", "Contract", "Phase", "What follows"], rows)}`);
}
