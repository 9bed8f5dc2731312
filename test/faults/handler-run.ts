import { type Draws, drawsOf } from "../bench/draws.ts";
import { Engine, type Process } from "./engine.ts";
import { Life } from "./life.ts";
import { randomEvent, randomFault } from "./mishaps.ts";
import { type Place, Program } from "./program.ts";
import { type OtherKey, otherKey, startProcess } from "./provider-process.ts";
import { destroyAll, recover } from "./recovery.ts";
import { Results } from "./results.ts";
import { RunLog, type RunReport } from "./run-log.ts";
import { openWorld, type RunWorld } from "./run-world.ts";
import { RunBucket } from "./storage.ts";

export interface RunOptions {
  seed: number;
  index: number;
  /** Of an S3 in memory, and of the real server; a share of the runs uses each. */
  memoryS3: string;
  realS3: string | undefined;
}

/** A run takes a second or two. One that does not end, or whose world does not close, is a violation, wall milliseconds. */
const LONGEST_RUN_MS = 120_000;
const LONGEST_CLOSE_MS = 20_000;

export async function handlerRun(options: RunOptions): Promise<RunReport> {
  const run = await Run.open(options);
  const { log } = run;
  await within(LONGEST_RUN_MS, run.all(), "the run does not end").catch((error: Error) => {
    log.violation(error instanceof LateError ? error.message : `${error.message}\n${error.stack}`);
  });
  await within(LONGEST_CLOSE_MS, run.close(), "the run's world does not close").catch((error: Error) =>
    log.violation(error.message),
  );
  return log.report;
}

class LateError extends Error {}

async function within(ms: number, work: Promise<void>, otherwise: string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new LateError(otherwise)), ms);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

class Run {
  readonly log: RunLog;
  readonly #world: RunWorld;
  readonly #draws: Draws;
  readonly #bucket: RunBucket | undefined;
  readonly #program: Program;
  readonly #engine: Engine;
  readonly #limited: boolean;
  readonly #place: Place | undefined;
  readonly #results: Results;
  #raced = false;

  static async open({ seed, index, memoryS3, realS3 }: RunOptions): Promise<Run> {
    const draws = drawsOf(`fault campaign ${seed}/${index}`);
    const limited = draws.chance(0.12);
    const storage = draws.weighted(["none", "memory", "real"], (kind) => ({ none: 5, memory: 4, real: 1 })[kind] ?? 0);
    const world = await openWorld(`${seed}/${index}`, draws, limited);
    const url = storage === "real" ? (realS3 ?? memoryS3) : storage === "memory" ? memoryS3 : undefined;
    const bucket = url === undefined ? undefined : new RunBucket(url, `run-${seed}-${index}`);
    await bucket?.make();
    return new Run(index, world, draws, bucket, limited, await connect(world, bucket));
  }

  private constructor(
    index: number,
    world: RunWorld,
    draws: Draws,
    bucket: RunBucket | undefined,
    limited: boolean,
    place: Place | undefined,
  ) {
    this.log = new RunLog(index, world.clock);
    this.#world = world;
    this.#draws = draws;
    this.#bucket = bucket;
    this.#limited = limited;
    this.#place = place;
    this.#program = new Program(draws, place);
    this.#results = new Results(world, draws);
    this.#engine = new Engine(world.clock);
    this.#engine.messages = this.log.report.messages;
  }

  async all(): Promise<void> {
    const steps = this.#draws.integer(2, 5);
    for (let step = 0; step < steps; step += 1) await this.#step();
    const after = {
      world: this.#world,
      log: this.log,
      engine: this.#engine,
      program: this.#program,
      results: this.#results,
      bucket: this.#bucket,
      place: this.#place,
      raced: this.#raced,
      start: () => this.#start(new Life()),
    };
    await recover(after);
    await this.#write();
    await destroyAll(after);
  }

  async close(): Promise<void> {
    this.#bucket?.close();
    await this.#world[Symbol.asyncDispose]();
  }

  async #step(): Promise<void> {
    const draws = this.#draws;
    const what = draws.weighted(["up", "change", "refresh", "destroy"], (kind) => STEP_WEIGHTS[kind] ?? 0);
    const words: string[] = [what];
    if (what === "change") words.push(this.#program.change());
    for (let count = draws.pick([0, 1, 1, 2, 3]); count > 0; count -= 1) words.push(await this.#fault());
    const life = new Life();
    for (let count = draws.pick([0, 0, 1, 2]); count > 0; count -= 1) words.push(this.#plan(life));
    this.log.say(words.join("; "));
    const shadow = draws.chance(0.06) ? this.#race(what) : undefined;
    const key = otherKey(draws, what);
    if (key) this.log.count(key.kind);
    await this.#operate(this.#engine, what, life, key);
    await shadow;
    if (draws.chance(0.5)) await this.#world.clock.pass(draws.pick([10, 60, 600, 4000]));
    if (draws.chance(0.3)) await this.#happen(randomEvent(draws));
    await this.#write();
  }

  #start(life: Life, key?: OtherKey): Process {
    const log = (line: string) => this.log.message(line);
    return startProcess(this.#world, life, { limited: this.#limited, key, log });
  }

  #operate(engine: Engine, what: string, life: Life, key?: OtherKey): Promise<Map<string, Error>> {
    const process = this.#start(life, key);
    if (what === "refresh") return engine.refresh(process);
    if (what === "destroy") return engine.destroy(process);
    return engine.up(process, this.#program.declared());
  }

  /** A provider whose engine was killed a moment ago is still at the same work, and its outcome is lost. */
  async #race(what: string): Promise<void> {
    this.#raced = true;
    this.log.count("two providers at once");
    this.log.say("  at the same time as another provider");
    const other = new Engine(this.#world.clock);
    for (const [name, kept] of this.#engine.state) other.state.set(name, structuredClone(kept));
    const life = new Life();
    if (this.#draws.chance(0.5))
      life.plan({ call: this.#draws.integer(2, 25), when: "before", happen: async () => life.kill() });
    await this.#operate(other, what, life);
  }

  /** Something for the middle of an operation. */
  #plan(life: Life): string {
    const draws = this.#draws;
    const call = draws.integer(1, draws.pick([8, 20, 60]));
    const when = draws.pick(["before", "after"] as const);
    const kind = draws.weighted(
      ["event", "kill", "orphan", "write"],
      (one) => ({ event: 4, kill: 3, orphan: 2, write: 1 })[one] ?? 0,
    );
    const happen = this.#happening(kind, life);
    life.plan({ call, when, happen: happen.run });
    return `${happen.kind} ${when} call ${call}`;
  }

  #happening(kind: string, life: Life): { kind: string; run: () => Promise<void> } {
    if (kind === "kill") {
      return { kind: "provider killed", run: async () => this.#counted("provider killed", () => life.kill()) };
    }
    if (kind === "orphan") {
      const callsLeft = this.#draws.integer(0, 15);
      const run = async () => {
        this.#raced = true;
        this.#counted("engine killed", () => life.orphan(callsLeft));
      };
      return { kind: "engine killed", run };
    }
    if (kind === "write") return { kind: "results written", run: () => this.#write() };
    const event = randomEvent(this.#draws);
    return { kind: event.kind, run: () => this.#happen(event) };
  }

  #counted(kind: string, run: () => void): void {
    this.log.count(kind);
    run();
  }

  async #fault(): Promise<string> {
    const { kind, fault } = await randomFault(this.#world, this.#draws);
    this.log.count(kind);
    // A create that is shown a list without its contract cannot but rent another one.
    this.#raced ||= kind === "omit-from-list" || kind === "stale-list";
    return JSON.stringify(fault);
  }

  async #happen(event: ReturnType<typeof randomEvent>): Promise<void> {
    this.log.count(event.kind);
    await event.happen(this.#world);
  }

  async #write(): Promise<void> {
    if (!this.#bucket) return;
    const { state } = this.#engine;
    await this.#results.write(state, state.get(this.#program.mounting ?? "")?.id);
  }
}

const STEP_WEIGHTS: Record<string, number> = { up: 4, change: 4, refresh: 2, destroy: 1 };

async function connect(world: RunWorld, bucket: RunBucket | undefined): Promise<Place | undefined> {
  if (!bucket) return undefined;
  const { id } = await world.admin<{ id: number }>("POST", "/connections", {
    name: "s3c",
    endpoint: bucket.url,
    region: bucket.region,
    accessKeyId: "local-root",
    secretAccessKey: "local-root-of-a-loopback-server",
  });
  return { connectionId: id, bucket: bucket.name, region: bucket.region, endpoint: bucket.url };
}
