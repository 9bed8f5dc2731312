import type { AutoscaleOptions } from "../commands/autoscale.ts";
import { openSession, type Session } from "../session.ts";
import { stateFile } from "../state-file.ts";
import { confirmed, EXIT, printJson, UsageError } from "../terminal.ts";
import { type Checked, changing, check, isChange, type Reach } from "./check.ts";
import type { Decision } from "./decide.ts";
import { type Memory, memorySchema } from "./memory.ts";
import { type FleetPolicy, readPolicy, type ScalingPolicy } from "./policy.ts";
import { reachOf } from "./reach.ts";
import { describeChecks, describePolicy } from "./show.ts";

/** What a check came to, as printed with --json. */
export interface Outcome extends Checked {
  /** `none`: nothing to change; `shown`: not done, by --dry-run or by the answer. */
  outcome: "none" | "shown" | "done" | "failed";
  error?: string;
}

export async function autoscale(options: AutoscaleOptions): Promise<number> {
  const policies = chosen(readPolicy(options.file), options.fleet);
  const session = await openSession(options);
  const nowS = session.clock.nowS();
  if (options.policy) {
    if (options.json) printJson({ stack: session.stack.name, fleets: policies });
    else console.log(describePolicy(policies, nowS));
    return EXIT.ok;
  }
  const reach = reachOf(session, policies);
  const file = session.record.file.replace(/\.jsonl$/, ".autoscale.json");
  const outcomes = await stateFile(file, memorySchema).use((memory, keep) => {
    const run = new Run(session, reach, options, memory, keep);
    return run.all(policies);
  });
  if (options.json) printJson({ stack: session.stack.name, fleets: outcomes });
  else console.log(describeChecks(outcomes));
  if (outcomes.some(({ outcome }) => outcome === "failed")) return EXIT.failure;
  return outcomes.some(({ silence }) => silence !== undefined) ? EXIT.partial : EXIT.ok;
}

function chosen(policies: ScalingPolicy, fleet: string | undefined): ScalingPolicy {
  if (fleet === undefined) return policies;
  const policy = policies[fleet];
  if (policy) return { [fleet]: policy };
  throw new UsageError(`the policy has no fleet "${fleet}"; it has ${Object.keys(policies).join(", ") || "none"}`);
}

class Run {
  readonly #session: Session;
  readonly #reach: Reach;
  readonly #options: AutoscaleOptions;
  readonly #keep: (memory: Memory) => Promise<void>;
  #memory: Memory;

  constructor(
    session: Session,
    reach: Reach,
    options: AutoscaleOptions,
    memory: Memory,
    keep: (memory: Memory) => Promise<void>,
  ) {
    this.#session = session;
    this.#reach = reach;
    this.#options = options;
    this.#memory = memory;
    this.#keep = keep;
  }

  /** One fleet after the other: each works on the stack. */
  async all(policies: ScalingPolicy): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const [fleet, policy] of Object.entries(policies)) outcomes.push(await this.#fleet(fleet, policy));
    return outcomes;
  }

  async #fleet(fleet: string, policy: FleetPolicy): Promise<Outcome> {
    const { checked: found, memory } = await check(this.#reach, fleet, policy, this.#memory);
    const checked = { ...found, decision: asAsked(found, this.#options) };
    await this.#remember(memory);
    const { decision } = checked;
    if (!isChange(decision)) return { ...checked, outcome: "none" };
    if (this.#options.dryRun || !(await this.#agreed(checked))) return { ...checked, outcome: "shown" };
    await this.#remember(changing(this.#memory, checked, this.#reach.nowS()));
    try {
      await this.#reach.resize(fleet, decision);
      this.#note(checked);
      return { ...checked, outcome: "done" };
    } catch (error) {
      const { message } = error as Error;
      this.#note(checked, message);
      this.#session.log(`error: fleet ${fleet}: ${message}`);
      return { ...checked, outcome: "failed", error: message };
    }
  }

  async #remember(memory: Memory): Promise<void> {
    this.#memory = memory;
    await this.#keep(memory);
  }

  /** The policy is what --check acts by, also where nobody sits; what a person asks for beyond it is asked back. */
  async #agreed({ fleet, decision, workers }: Checked): Promise<boolean> {
    if (this.#options.check || decision.remove.length === 0) return true;
    const labels = workers.filter(({ number }) => decision.remove.includes(number)).map(({ label }) => label);
    const question = `Remove ${labels.join(", ")} from fleet ${fleet}? Their results are copied out first.`;
    return confirmed(question, this.#options.yes);
  }

  #note({ fleet, decision, workers }: Checked, error?: string): void {
    const removed = workers.filter(({ number }) => decision.remove.includes(number));
    const dph = workers.reduce((sum, worker) => sum + worker.dph, 0);
    this.#session.record.append({
      what: "autoscale",
      why: decision.reasons.join("; "),
      fleets: [fleet],
      workers: removed.map(({ label }) => label),
      before: decision.size,
      after: decision.target,
      dphBefore: dph,
      dphAfter: dph - removed.reduce((sum, worker) => sum + worker.dph, 0),
      ...(error === undefined ? {} : { outcome: "failed" as const, error }),
    });
  }
}

/** --scale-up and --scale-down: so many, whatever the queue says; the bounds and the budgets hold all the same. */
export function asAsked({ decision, limits, workers }: Checked, options: Partial<AutoscaleOptions>): Decision {
  if (options.check || decision.heldBy.includes("budget")) return decision;
  const { size } = decision;
  const base = { ...decision, target: size, remove: [], reasons: ["asked for"], heldBy: [] };
  if (options.scaleUp) {
    const most = Math.min(limits.max, decision.affordable);
    const target = Math.max(size, Math.min(size + (options.count ?? 1), most));
    const bound = decision.affordable < limits.max ? "its budgets" : "max";
    return {
      ...base,
      target,
      reasons: target < size + (options.count ?? 1) ? [`asked for; ${most} by ${bound}`] : base.reasons,
    };
  }
  const idle = workers.filter(({ work }) => work === "idle").toSorted((a, b) => b.dph - a.dph);
  const remove = idle.slice(0, Math.max(0, Math.min(options.count ?? idle.length, size - limits.min)));
  return {
    ...base,
    target: size - remove.length,
    remove: remove.map(({ number }) => number).toSorted((a, b) => a - b),
    reasons:
      remove.length < (options.count ?? 0) ? [`asked for; no more are idle above min ${limits.min}`] : base.reasons,
  };
}
