import PQueue from "p-queue";
import { type Worker, withPrefix } from "../fleet/read.ts";
import type { CommonOptions } from "../options.ts";
import type { Action } from "../record.ts";
import { openSession, type Session } from "../session.ts";
import { coloured, EXIT, printJson, table } from "../terminal.ts";
import { watchSettings } from "./fleet-choice.ts";
import { entryOf, type WatchEntry } from "./memory.ts";
import type { WatchSettings } from "./settings.ts";
import { heartbeatOf } from "./triage.ts";
import { type Vitals, vitalsOf } from "./vitals.ts";

const AT_ONCE = 12;
const HOUR_S = 3600;
const IDLE_BELOW = 5;

export interface HealthLine extends Vitals {
  worker: string;
  contract: number;
  condition: Worker["condition"];
  heartbeatAge: number | null;
  /** From the progress on record of the last hour; null where too little is known. */
  unitsPerHour: number | null;
  /** Nothing is computed and nothing grows; null: it cannot be told. */
  idle: boolean | null;
  /** What is wrong now. */
  problems: string[];
  warnings: string[];
  /** Checks in a row that found a problem, this one included. */
  failures: number;
  /** As many as it takes. */
  alert: boolean;
}

export async function health(prefix: string | undefined, options: CommonOptions): Promise<number> {
  const session = await openSession(options);
  const settings = watchSettings(session);
  const fleets = await session.fleets();
  const workers = withPrefix(fleets, prefix).filter(({ inputs }) => inputs.state !== "stopped");
  const { actions } = session.record.read();
  const queue = new PQueue({ concurrency: AT_ONCE });
  const lines = await queue.addAll(workers.map((worker) => () => lineOf(session, worker, settings, actions)));
  note(session, lines);
  if (options.json) printJson({ stack: session.stack.name, workers: lines });
  else print(lines, settings);
  if (lines.some(({ alert }) => alert)) return EXIT.failure;
  return lines.some(({ problems }) => problems.length > 0) ? EXIT.partial : EXIT.ok;
}

async function lineOf(
  { context, clock }: Session,
  worker: Worker,
  settings: WatchSettings,
  actions: readonly Action[],
): Promise<HealthLine> {
  const nowS = clock.nowS();
  const [vitals, heartbeatAge] = await Promise.all([
    vitalsOf(context, worker, nowS, settings.health.process),
    heartbeatOf(worker, settings, nowS).catch(() => null),
  ]);
  const unitsPerHour = unitsPerHourOf(
    actions.flatMap((action) => entryOf(action) ?? []).filter((entry) => entry.worker === worker.name),
    worker.contract,
    nowS,
  );
  const figures = { condition: worker.condition, heartbeatAge, unitsPerHour, ...vitals };
  const { problems, warnings } = judge(figures, settings);
  const failures = problems.length === 0 ? 0 : failuresBefore(actions, worker.name) + 1;
  return {
    worker: worker.name,
    contract: worker.contract,
    ...figures,
    idle: idleOf(figures),
    problems,
    warnings,
    failures,
    alert: failures >= settings.health.failures,
  };
}

type Figures = Vitals & Pick<HealthLine, "condition" | "heartbeatAge" | "unitsPerHour">;

/** What is wrong, and what is only to be watched. What nobody reported is neither. */
export function judge(
  figures: Figures,
  { health: limits, heartbeat }: WatchSettings,
): Pick<HealthLine, "problems" | "warnings"> {
  const { condition, gpus, gpuUsed, memoryUsed, diskUsed, processes, heartbeatAge } = figures;
  if (condition !== "running") return { problems: [`it is ${condition}`], warnings: [] };
  const problems: string[] = [];
  const warnings: string[] = [];
  if (gpus === 0) problems.push("no GPU answers");
  if (processes === 0) problems.push("no worker process");
  if (heartbeatAge !== null && heartbeat && heartbeatAge > heartbeat.maxAge)
    problems.push(`no heartbeat for ${Math.round(heartbeatAge)} s`);
  if (diskUsed !== null && diskUsed >= 99) problems.push("the disk is full");
  else if (diskUsed !== null && diskUsed > limits.diskWarning) warnings.push(`disk ${Math.round(diskUsed)} %`);
  if (gpuUsed !== null && gpuUsed < limits.gpuWanted)
    warnings.push(`GPU ${Math.round(gpuUsed)} %, wanted ${limits.gpuWanted} %`);
  if (memoryUsed !== null && memoryUsed > limits.memoryWarning) warnings.push(`memory ${Math.round(memoryUsed)} %`);
  return { problems, warnings };
}

function idleOf({ gpuUsed, processes, unitsPerHour }: Figures): boolean | null {
  if (gpuUsed === null && processes === null) return null;
  return (gpuUsed ?? 0) < IDLE_BELOW && (unitsPerHour ?? 0) === 0;
}

/** Of the last hour's notes: totals where the log has them, else units or steps. */
export function unitsPerHourOf(entries: readonly WatchEntry[], contract: number, nowS: number): number | null {
  const own = entries.filter(
    (entry) => entry.what === "progress" && entry.contract === contract && entry.atS > nowS - HOUR_S,
  );
  const [first, last] = [own[0], own.at(-1)];
  if (first === undefined || last === undefined || last.atS - first.atS < 60) return null;
  const count = ({ total, units, step }: WatchEntry) => total ?? units ?? step;
  const [from, to] = [count(first), count(last)];
  return from === undefined || to === undefined ? null : ((to - from) / (last.atS - first.atS)) * HOUR_S;
}

/** Of the checks on record, those in a row up to the last one. */
export function failuresBefore(actions: readonly Action[], worker: string): number {
  const checks = actions.filter(({ what, workers }) => what === "health" && workers.includes(worker));
  const lastWell = checks.findLastIndex(({ before }) => !(before as { failing?: string[] }).failing?.includes(worker));
  return checks.length - 1 - lastWell;
}

function note({ record }: Session, lines: readonly HealthLine[]): void {
  if (lines.length === 0) return;
  const failing = lines.filter(({ problems }) => problems.length > 0).map(({ worker }) => worker);
  record.append({
    what: "health",
    why: "health check",
    workers: lines.map(({ worker }) => worker),
    contracts: lines.map(({ contract }) => contract),
    before: { failing, gpuUsed: Object.fromEntries(lines.map(({ worker, gpuUsed }) => [worker, gpuUsed])) },
    outcome: failing.length === 0 ? "ok" : "partial",
  });
}

function print(lines: readonly HealthLine[], { health: { failures: limit } }: WatchSettings): void {
  if (lines.length === 0) {
    console.log("No workers.");
    return;
  }
  const percent = (value: number | null) => (value === null ? "-" : `${Math.round(value)} %`);
  const rows = lines.map((line) => [
    line.worker,
    line.condition,
    percent(line.gpuUsed),
    percent(line.memoryUsed),
    percent(line.diskUsed),
    line.processes === null ? "-" : String(line.processes),
    line.checkpointAge === null ? "-" : `${Math.round(line.checkpointAge / 60)} min`,
    line.unitsPerHour === null ? "-" : String(Math.round(line.unitsPerHour)),
    line.alert ? coloured("red", "ALERT") : line.problems.length > 0 ? `${line.failures} of ${limit}` : "",
    [...line.problems, ...line.warnings, ...(line.idle ? ["idle"] : [])].join("; "),
  ]);
  console.log(table(["Worker", "State", "GPU", "Mem", "Disk", "Procs", "Checkpoint", "Units/h", "Failed", ""], rows));
  const blind = lines.find(({ sshError }) => sshError !== null);
  if (blind)
    console.log(`No SSH to ${lines.filter(({ sshError }) => sshError !== null).length} of them: ${blind.sshError}`);
}
