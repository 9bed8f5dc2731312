import PQueue from "p-queue";
import type { ActionRecord } from "../record.ts";
import { type Decision, decide, moreVramThan } from "./decide.ts";
import type { Order, WatchedFleet } from "./fleet.ts";
import { type LogReading, readLog } from "./log.ts";
import { actionOf, entryOf, Memory, type WatchEntry } from "./memory.ts";
import { ruleFor } from "./rules.ts";
import type { WatchSettings } from "./settings.ts";
import { phaseOf, type Sight, type Sign, signOf, type WatchedWorker } from "./sight.ts";

const LOGS_AT_ONCE = 8;
const HOUR_S = 3600;
/** Signs that only a log can show: a look without logs says nothing against them. */
const FROM_LOG: ReadonlySet<Sign> = new Set([
  "setup",
  "progress",
  "unknown-log",
  "fatal",
  "oom",
  "auth",
  "no-cuda",
  "gpu",
]);

export interface CheckReport {
  /** Epoch seconds. */
  atS: number;
  workers: {
    worker: string;
    contract: number | undefined;
    phase: string;
    sign: Sign;
    repair: Decision["repair"];
    reason: string;
    dueS?: number;
  }[];
  /** Why nothing could be concluded. */
  outage?: string;
  repaired: WatchEntry[];
  alerts: WatchEntry[];
  /** Parked contracts whose host is back: copied out and destroyed. */
  settled: { worker: string; contract: number; error?: string }[];
}

export interface WatchDeps {
  fleet: WatchedFleet;
  record: Pick<ActionRecord, "append" | "read">;
  nowS: () => number;
  settings: WatchSettings;
  say: (line: string) => void;
}

/** Looks at a fleet and repairs it by the rules, one check after the other. Its memory is the record. */
export class Watch {
  readonly #deps: WatchDeps;
  readonly #memory: Memory;
  #outage: string | undefined;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
    const { actions } = deps.record.read({ prefix: deps.fleet.name });
    this.#memory = new Memory(actions.flatMap((action) => entryOf(action) ?? []));
  }

  /** With `logs` also by what the workers say; `dryRun` changes and records nothing. */
  async check(options: { logs: boolean; dryRun?: boolean; signal?: AbortSignal | undefined }): Promise<CheckReport> {
    const { nowS } = this.#deps;
    const report: CheckReport = { atS: nowS(), workers: [], repaired: [], alerts: [], settled: [] };
    const workers = await this.#ask(report, options.signal);
    if (workers === undefined) return report;
    const sights = await this.#look(workers, options.logs);
    report.atS = nowS();
    const decided = sights.map((sight) => ({ sight, decision: this.#decide(sight, report) }));
    if (options.dryRun) return report;
    for (const { sight } of decided) this.#note(sight);
    for (const { sight, decision } of decided) if (decision.repair === "alert") this.#alert(sight, decision, report);
    const due = decided.filter(({ decision }) => decision.repair !== "leave" && decision.repair !== "alert");
    if (due.length > 0 && !options.signal?.aborted) await this.#repair(due, report, options.signal);
    if (!options.signal?.aborted) await this.#settleParked(report);
    return report;
  }

  /** An answer that does not come, or is odd, proves nothing about any worker. */
  async #ask(report: CheckReport, signal: AbortSignal | undefined): Promise<WatchedWorker[] | undefined> {
    const { fleet, say, record } = this.#deps;
    try {
      const workers = await fleet.workers();
      if (this.#outage !== undefined) {
        say("Vast.ai answers again");
        record.append({
          what: "outage-over",
          why: "the service and the state can be asked again",
          fleets: [fleet.name],
        });
      }
      this.#outage = undefined;
      return workers;
    } catch (error) {
      const reason = (error as Error).message;
      // A terminal's Ctrl-C ends the look that is under way as well.
      if (this.#outage === undefined && !signal?.aborted) {
        say(`nothing can be concluded now, so nothing is done: ${reason}`);
        record.append({ what: "outage", why: reason, fleets: [fleet.name], outcome: "failed" });
      }
      this.#outage = reason;
      report.outage = reason;
      return undefined;
    }
  }

  #look(workers: readonly WatchedWorker[], logs: boolean): Promise<Sight[]> {
    const queue = new PQueue({ concurrency: LOGS_AT_ONCE });
    return queue.addAll(
      workers.map((worker) => async (): Promise<Sight> => {
        const { contract, row } = worker;
        // One that has ended is asked in any case: its last words decide what helps.
        const wanted = row?.actual_status === "running" ? logs : hasEnded(worker);
        return this.#withMarket({
          worker,
          log: wanted && contract !== undefined ? await this.#log(contract) : undefined,
        });
      }),
    );
  }

  async #withMarket(sight: Sight): Promise<Sight> {
    const { fleet, settings, nowS } = this.#deps;
    if (!ruleFor(signOf(sight, settings.patterns, nowS())).moreVram) return sight;
    const larger = await fleet.hasLarger(sight.worker, moreVramThan(sight.worker)).catch(() => undefined);
    return larger === undefined ? sight : { ...sight, larger };
  }

  async #log(contract: number): Promise<LogReading | undefined> {
    const text = await this.#deps.fleet.log(contract).catch(() => undefined);
    return text === undefined ? undefined : readLog(text, this.#deps.settings.patterns);
  }

  #decide(sight: Sight, report: CheckReport): Decision {
    const { settings } = this.#deps;
    const { worker } = sight;
    const decision = decide(sight, this.#memory.of(worker.name), report.atS, settings);
    report.workers.push({
      worker: worker.name,
      contract: worker.contract,
      phase: phaseOf(sight),
      sign: decision.sign,
      repair: decision.repair,
      reason: decision.reason,
      ...(decision.dueS === undefined ? {} : { dueS: decision.dueS }),
    });
    return decision;
  }

  /** What is new about it. */
  #note(sight: Sight): void {
    const { worker, log } = sight;
    const atS = this.#deps.nowS();
    const sign = signOf(sight, this.#deps.settings.patterns, atS);
    const { seen, progress } = this.#memory.of(worker.name);
    const same = seen !== undefined && seen.contract === worker.contract;
    const unsaid = same && sign === "running" && log === undefined && FROM_LOG.has(seen.sign);
    if (!unsaid && !(same && seen.sign === sign))
      this.#write({ ...noteOf(sight, sign), what: "seen", atS, reason: ruleFor(sign).why }, worker.fleet);
    const line = log?.progress?.line;
    if (line !== undefined && !(progress?.contract === worker.contract && progress?.line === line))
      this.#write({ ...noteOf(sight, sign), what: "progress", atS, reason: "work was done" }, worker.fleet);
  }

  #alert(sight: Sight, { sign, reason }: Decision, report: CheckReport): void {
    const { atS } = report;
    const { worker } = sight;
    const entry: WatchEntry = { ...noteOf(sight, sign), what: "alert", atS, reason };
    report.alerts.push(entry);
    if (this.#memory.of(worker.name).alerts.some((alert) => alert.sign === sign && alert.atS > atS - HOUR_S)) return;
    this.#deps.say(`ALERT ${worker.name}: ${reason}`);
    this.#write(entry, worker.fleet);
  }

  async #repair(
    due: readonly { sight: Sight; decision: Decision }[],
    report: CheckReport,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { fleet, nowS, say } = this.#deps;
    const orders = due.map(
      ({ sight, decision }): Order => ({
        worker: sight.worker,
        replace: decision.repair === "replace",
        excludeMachine: decision.excludeMachine,
        minVramGb: decision.minVramGb,
      }),
    );
    for (const { decision } of due) say(`${decision.worker}: ${decision.repair}: ${decision.reason}`);
    const beganS = nowS();
    let error: string | undefined;
    try {
      error = await fleet.repair(orders, signal);
    } catch (thrown) {
      say(`nothing was changed; the next check tries again: ${(thrown as Error).message}`);
      return;
    }
    if (error !== undefined) say(`the update did not go through: ${error}`);
    // Not being able to look is no proof that nothing has changed: then the next look says what came of it.
    const now = new Map((await fleet.workers().catch(() => [])).map((worker) => [worker.name, worker]));
    for (const { sight, decision } of due) {
      const after = now.get(sight.worker.name);
      const replaced = after?.contract !== undefined && after.contract !== sight.worker.contract;
      const entry: WatchEntry = {
        ...noteOf(sight, decision.sign),
        what: decision.repair as "restart" | "relocate" | "replace",
        atS: nowS(),
        reason: decision.reason,
        after: { contract: after?.contract, machine: after?.row?.machine_id },
        error: replaced ? undefined : error,
        seconds: Math.round(nowS() - beganS),
        dphBefore: sight.worker.row?.dph_total,
        dphAfter: after?.row?.dph_total,
      };
      this.#write(entry, sight.worker.fleet);
      report.repaired.push(entry);
      if (entry.error !== undefined) {
        const reason = `${decision.repair} did not go through: ${entry.error}`;
        this.#alert(sight, { ...decision, reason }, report);
      }
    }
  }

  /** What was parked bills again once its host is back: nobody needs it but for its results. */
  async #settleParked(report: CheckReport): Promise<void> {
    const { fleet, record, say, nowS } = this.#deps;
    for (const { contract, worker, settle } of await fleet.parked()) {
      const beganS = nowS();
      const error = await settle().then(
        () => undefined,
        (thrown: Error) => thrown.message,
      );
      say(error === undefined ? `${worker}: parked contract ${contract} is copied out and destroyed` : error);
      record.append({
        what: "settle-parked",
        why: "its host is back",
        workers: [worker],
        fleets: [fleet.name],
        contracts: [contract],
        seconds: Math.round(nowS() - beganS),
        outcome: error === undefined ? "ok" : "failed",
        ...(error === undefined ? {} : { error }),
      });
      report.settled.push({ worker, contract, ...(error === undefined ? {} : { error }) });
    }
  }

  #write(entry: WatchEntry, fleet: string): void {
    this.#memory.learn(entry);
    this.#deps.record.append(actionOf(entry, fleet));
  }
}

function hasEnded({ row }: WatchedWorker): boolean {
  return row?.actual_status === "exited" || row?.actual_status === "stopped";
}

function noteOf({ worker, log }: Sight, sign: Sign) {
  const { row } = worker;
  const { line, units, total, step } = log?.progress ?? {};
  return {
    worker: worker.name,
    contract: worker.contract,
    sign,
    phase: phaseOf({ worker, log }),
    machine: row?.machine_id,
    gpu: row?.gpu_name ?? undefined,
    line,
    units,
    total,
    step,
  };
}
