import type { FleetSettings } from "../../tools/stack.ts";
import { type Draws, drawsOf } from "../bench/draws.ts";
import { blockOf } from "./blocks.ts";
import { EngineScene, type Killing, type Victim } from "./engine-scene.ts";
import { LEFT_TO_RECONCILE, type Share } from "./figures.ts";
import { overlaps } from "./judge.ts";
import { randomEvent, randomFault } from "./mishaps.ts";
import type { RunReport } from "./run-log.ts";
import { markOf, type SeenContract } from "./run-world.ts";

const OUT = "/workspace/checkpoints";
const INSTANCE = "pulumi-nodejs:dynamic/vast:Instance";
/** Of a new world: what a run leaves behind on the market must not pile up, and a violation not show in the next run. */
const RUNS_PER_SCENE = 5;
/** Virtual seconds after which every worker that runs has written something. */
const FIRST_CHECKPOINT_BY_S = 1200;
/** What no `up` asks for any more, or none can know of: results go where those of the workers go. */
const RECONCILE = ["reconcile", "--refresh", "--adopt", "--destroy", "--target", "trainer"];
const UP = ["up", "--yes", "--skip-preview", "--parallel", "16"];

/** Runs on the real engine, one after the other: each takes both cores. */
export async function engineRuns(
  { seed, from, runs }: Share,
  onReport: (report: RunReport) => void = () => undefined,
): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  let scene: EngineScene | undefined;
  try {
    for (let index = from; index < from + runs; index += 1) {
      scene ??= await EngineScene.open(`${seed}/${index}`, { trainer: fleetOf(1) });
      const report = await new EngineRun(scene, seed, index).all();
      reports.push(report);
      onReport(report);
      if (report.violations.length === 0 && (index - from) % RUNS_PER_SCENE < RUNS_PER_SCENE - 1) continue;
      await scene.close();
      scene = undefined;
    }
  } finally {
    await scene?.close();
  }
  return reports;
}

/** As in the profile, with less patience for a copy that hangs; a worker may leave before its first checkpoint. */
function fleetOf(workers: number): FleetSettings {
  return { profile: "self-play", workers, with: { copyOut: { timeout: 3600, required: [] } } };
}

class EngineRun {
  readonly #scene: EngineScene;
  readonly #draws: Draws;
  readonly #report: RunReport;
  #fleet: FleetSettings;
  #killed = false;
  #before: ReadonlySet<number> = new Set();

  constructor(scene: EngineScene, seed: number, index: number) {
    this.#scene = scene;
    this.#draws = drawsOf(`engine runs ${seed}/${index}`);
    this.#report = { index, steps: [], kinds: {}, violations: [], messages: [], unrepaired: [] };
    this.#fleet = fleetOf(this.#draws.integer(1, 3));
  }

  async all(): Promise<RunReport> {
    this.#before = new Set((await this.#scene.mischief.contracts()).map(({ id }) => id));
    this.#scene.stack.configure({ trainer: this.#fleet });
    for (let steps = this.#draws.integer(2, 3); steps > 0; steps -= 1) await this.#step();
    await this.#recover();
    await this.#remove();
    return this.#report;
  }

  async #step(): Promise<void> {
    const draws = this.#draws;
    const what = draws.weighted(["up", "change", "refresh"], (kind) => ({ up: 3, change: 3, refresh: 1 })[kind] ?? 0);
    const words = [what];
    if (what === "change") words.push(this.#change());
    for (let count = draws.pick([0, 1, 2, 3]); count > 0; count -= 1) {
      const { kind, fault } = await randomFault(this.#scene.mischief, draws);
      this.#count(kind);
      words.push(JSON.stringify(fault));
    }
    const killing = draws.chance(0.6) ? this.#killing() : undefined;
    if (killing) words.push(`SIGKILL of ${killing.victim} after ${killing.afterCalls} calls`);
    this.#say(words.join("; "));
    await this.#pulumi(what === "refresh" ? ["refresh", "--yes", "--skip-preview"] : UP, killing);
    if (draws.chance(0.5)) {
      const event = randomEvent(draws);
      this.#say(event.kind);
      this.#count(event.kind);
      await event.happen(this.#scene.mischief);
    }
    // An engine that was killed leaves its lock; whoever goes on takes it away first.
    await this.#pulumi(["cancel", "--yes"]);
  }

  #killing(): Killing {
    const victim: Victim = this.#draws.pick(["engine", "provider", "both"]);
    this.#killed = true;
    this.#count(`SIGKILL of ${victim}`);
    return { victim, afterCalls: this.#draws.integer(1, this.#draws.pick([6, 20, 60])) };
  }

  #change(): string {
    const kind = this.#draws.pick(["workers", "label", "env"]);
    if (kind === "workers") this.#fleet = { ...this.#fleet, workers: this.#draws.integer(1, 3) };
    const number = this.#draws.integer(1, 999);
    if (kind === "label") this.#fleet = { ...this.#fleet, overrides: { "0": { label: `trainer-${number}` } } };
    if (kind === "env") this.#fleet = { ...this.#fleet, with: { ...this.#fleet.with, env: { STEP: String(number) } } };
    this.#scene.stack.configure({ trainer: this.#fleet });
    return kind;
  }

  async #recover(): Promise<void> {
    const { admin } = this.#scene.mischief;
    await admin("DELETE", "/faults");
    const machines = await admin<{ id: number; online: boolean }[]>("GET", "/machines");
    for (const { id, online } of machines) if (!online) await admin("POST", `/machines/${id}/online`);
    if (!(await this.#scene.providersLeave()))
      this.#report.violations.push("a provider process lives on without its engine");
    this.#say("everything works again: cancel, up");
    await this.#pulumi(["cancel", "--yes"]);
    if (await this.#upIsToBeRepeated()) {
      this.#say("up again, as its message says");
      if (await this.#upIsToBeRepeated())
        this.#report.violations.push("the next up does not settle what the one before said that it would");
    }
    await this.#reconcile();
    await this.#judgeAccount();
  }

  /** A create that was killed may have rented for a worker that the program has no more, or beside what a list did not show. */
  async #reconcile(): Promise<void> {
    if (await this.#isReconciled()) return;
    this.#say("reconcile");
    this.#count(LEFT_TO_RECONCILE);
    const { exitCode, all } = await this.#vastFleet([...RECONCILE, "--paths", OUT, "--yes"]);
    if (exitCode !== 0) this.#report.violations.push(`reconcile fails:\n${all.slice(-4000)}`);
  }

  async #isReconciled(): Promise<boolean> {
    const { exitCode, all } = await this.#vastFleet(["reconcile"]);
    if (exitCode === 1) this.#report.violations.push(`reconcile does not report:\n${all.slice(-4000)}`);
    return exitCode === 0;
  }

  async #vastFleet(args: readonly string[]) {
    const result = await this.#scene.vastFleet(args);
    this.#report.messages.push(`=== vast-fleet ${args.join(" ")}: ${result.exitCode}`, result.all);
    if (result.timedOut) this.#report.violations.push(`vast-fleet ${args.join(" ")} does not end`);
    return result;
  }

  /** What the engine prints of its errors is one text: one of them that is legitimate is all that can be told. */
  async #upIsToBeRepeated(): Promise<boolean> {
    const { exitCode, all } = await this.#pulumi(UP);
    if (exitCode === 0) return false;
    const block = blockOf(all);
    if (block === undefined) this.#report.violations.push(`up fails although everything works:\n${errorsIn(all)}`);
    else this.#report.unrepaired.push(block.reason);
    return block?.upAgain ?? false;
  }

  /** All workers leave the program; the last run of a scene is as good a destroy as the first. */
  async #remove(): Promise<void> {
    // What runs has something to lose by then.
    await this.#scene.mischief.admin("POST", "/clock", { step: FIRST_CHECKPOINT_BY_S });
    this.#say("all workers are removed");
    this.#scene.stack.configure({});
    const { exitCode, all } = await this.#pulumi(UP);
    if (exitCode !== 0) this.#report.violations.push(`the workers cannot be removed:\n${errorsIn(all)}`);
    await this.#judgeAccount();
    const contracts = (await this.#scene.mischief.contracts()).filter(({ id }) => !this.#before.has(id));
    const objects = await this.#scene.bucket.objects();
    for (const contract of contracts) this.#report.violations.push(...lost(contract, objects));
    if (!this.#killed) this.#report.violations.push(...overlaps(contracts));
    if (this.#scene.output.some((text) => text.includes(this.#scene.key)))
      this.#report.violations.push("a message shows the API key");
  }

  async #judgeAccount(): Promise<void> {
    const living = (await this.#scene.mischief.contracts()).filter((one) => one.destroyedAt === null);
    const { deployment } = await this.#scene.stack.exportState();
    const known = (deployment.resources ?? [])
      // One that is deleted and waits for its successor says so: the engine keeps the entry until there is one.
      .filter(({ type, pendingReplacement }) => type === INSTANCE && pendingReplacement !== true)
      .map(({ id }) => Number(id));
    const marks = living.map(markOf);
    this.#report.violations.push(
      ...living.filter(({ id }) => !known.includes(id)).map(({ id }) => `instance ${id} bills and is in no state`),
      ...known
        .filter((id) => !living.some((one) => one.id === id))
        .map((id) => `instance ${id} is in the state and does not exist`),
      ...marks
        .filter((mark, at) => marks.indexOf(mark) !== at)
        .map((mark) => `two living contracts have the mark ${mark}`),
    );
  }

  async #pulumi(args: readonly string[], killing?: Killing) {
    const result = await this.#scene.pulumi(args, killing);
    this.#report.messages.push(`=== pulumi ${args.join(" ")}: ${result.exitCode}`, result.all);
    if (result.timedOut) this.#report.violations.push(`pulumi ${args.join(" ")} does not end`);
    return result;
  }

  #say(step: string): void {
    this.#report.steps.push(step);
    this.#report.messages.push(`=== ${step}`);
  }

  #count(kind: string): void {
    this.#report.kinds[kind] = (this.#report.kinds[kind] ?? 0) + 1;
  }
}

/** What failed, without the progress around it. */
function errorsIn(transcript: string): string {
  const from = transcript.indexOf("Diagnostics:");
  return transcript.slice(Math.max(0, from), from < 0 ? undefined : from + 4000);
}

function lost(contract: SeenContract, objects: readonly { key: string; size: number; sha256: string }[]): string[] {
  return contract.filesAtDestroy
    .filter((file) => file.path.startsWith(`${OUT}/`))
    .filter(
      ({ path, size, sha256 }) =>
        !objects.some(
          (object) => object.key.endsWith(`/${contract.id}${path}`) && object.size === size && object.sha256 === sha256,
        ),
    )
    .map(({ path }) => `${path} was on contract ${contract.id} when it was destroyed, and is not in S3`);
}
