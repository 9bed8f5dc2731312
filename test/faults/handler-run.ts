import { type Draws, drawsOf } from "../bench/draws.ts";
import { Engine } from "./engine.ts";
import { judgeAccount, judgeHistory } from "./judge.ts";
import { Life } from "./life.ts";
import { randomEvent, randomFault } from "./mishaps.ts";
import { type Place, Program, type Worker } from "./program.ts";
import { type OtherKey, otherKey, startProcess } from "./provider-process.ts";
import { Results } from "./results.ts";
import { markOf, openWorld, type RunWorld, STARTED_AT_S } from "./run-world.ts";
import { RunBucket } from "./storage.ts";

export interface RunOptions {
  seed: number;
  index: number;
  /** Of an S3 in memory, and of the real server; a share of the runs uses each. */
  memoryS3: string;
  realS3: string | undefined;
}

export interface RunReport {
  index: number;
  steps: string[];
  /** How often each kind of fault or event was set. */
  kinds: Record<string, number>;
  violations: string[];
  messages: string[];
  /** Errors of the one up after the faults: what a user would still have to do. */
  unrepaired: string[];
}

/** Stops a run that never ends, wall seconds: a handler that waits for ever is a violation too. */
const LONGEST_RUN_MS = 180_000;

export async function handlerRun(options: RunOptions): Promise<RunReport> {
  const run = await Run.open(options);
  try {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("the run does not end")), LONGEST_RUN_MS);
    await Promise.race([run.all(), late.promise]).catch((error: Error) => {
      run.report.violations.push(
        `${error.message}${error.message === "the run does not end" ? "" : `\n${error.stack}`}`,
      );
    });
    clearTimeout(timer);
    return run.report;
  } finally {
    await run.close();
  }
}

class Run {
  readonly report: RunReport;
  readonly #world: RunWorld;
  readonly #draws: Draws;
  readonly #bucket: RunBucket | undefined;
  readonly #program: Program;
  readonly #engine: Engine;
  readonly #limited: boolean;
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
    this.report = { index, steps: [], kinds: {}, violations: [], messages: [], unrepaired: [] };
    this.#world = world;
    this.#draws = draws;
    this.#bucket = bucket;
    this.#limited = limited;
    this.#program = new Program(draws, place);
    this.#results = new Results(world, draws);
    this.#engine = new Engine(world.clock);
    this.#engine.messages = this.report.messages;
  }

  async all(): Promise<void> {
    const steps = this.#draws.integer(2, 5);
    for (let step = 0; step < steps; step += 1) await this.#step();
    await this.#recover();
    await this.#destroyAll();
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
    this.#say(words.join("; "));
    const shadow = draws.chance(0.06) ? this.#race(what) : undefined;
    const key = otherKey(draws, what);
    if (key) this.#count(key.kind);
    await this.#operate(this.#engine, what, life, key);
    await shadow;
    if (draws.chance(0.5)) await this.#world.clock.pass(draws.pick([10, 60, 600, 4000]));
    if (draws.chance(0.3)) await this.#happen(randomEvent(draws));
    await this.#write();
  }

  #operate(
    engine: Engine,
    what: string,
    life: Life,
    key?: OtherKey,
    alsoRemoved: readonly Worker[] = [],
  ): Promise<Map<string, Error>> {
    const log = (line: string) => void this.report.messages.push(`${this.#time()} ${line}`);
    const process = startProcess(this.#world, life, { limited: this.#limited, key, log });
    if (what === "refresh") return engine.refresh(process);
    if (what === "destroy") return engine.destroy(process);
    return engine.up(process, this.#program.declared(alsoRemoved));
  }

  /** A provider whose engine was killed a moment ago is still at the same work, and its outcome is lost. */
  async #race(what: string): Promise<void> {
    this.#raced = true;
    this.#count("two providers at once");
    this.#say("  at the same time as another provider");
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

  #say(step: string): void {
    this.report.steps.push(step);
    this.report.messages.push(`${this.#time()} === ${step}`);
  }

  #time(): string {
    return `[${Math.round(this.#world.clock.nowS - STARTED_AT_S)} s]`;
  }

  #counted(kind: string, run: () => void): void {
    this.#count(kind);
    run();
  }

  #count(kind: string): void {
    this.report.kinds[kind] = (this.report.kinds[kind] ?? 0) + 1;
  }

  async #fault(): Promise<string> {
    const { kind, fault } = await randomFault(this.#world, this.#draws);
    this.#count(kind);
    // A create that is shown a list without its contract cannot but rent another one.
    this.#raced ||= kind === "omit-from-list" || kind === "stale-list";
    return JSON.stringify(fault);
  }

  async #happen(event: ReturnType<typeof randomEvent>): Promise<void> {
    this.#count(event.kind);
    await event.happen(this.#world);
  }

  async #write(): Promise<void> {
    if (!this.#bucket) return;
    const { state } = this.#engine;
    await this.#results.write(state, state.get(this.#program.mounting ?? "")?.id);
  }

  /** Everything works again; one up. */
  async #recover(): Promise<void> {
    const { clock } = this.#world;
    await Promise.all(this.#engine.orphans);
    await this.#world.admin("DELETE", "/faults");
    await this.#bringHostsBack();
    await clock.pass(900);
    this.#say("everything works again: up");
    const errors = await this.#operate(this.#engine, "up", new Life());
    this.report.unrepaired.push(...[...errors].map(([name, error]) => `${name}: ${error.message}`));
    await this.#reconcile();
    await clock.pass(10);
    this.report.violations.push(...(await judgeAccount(this.#world, this.#engine.state)));
  }

  /**
   * What no up asks for any more, as reconcile settles it: the contract of a resource that left the program while its
   * create was cut short is taken up; a second one of a resource, of a provider that lived on or was told a wrong list, goes.
   */
  async #reconcile(): Promise<void> {
    const { state } = this.#engine;
    const known = new Set([...state.values()].map((kept) => Number(kept.id)));
    const extra = (await this.#world.contracts()).filter((one) => one.destroyedAt === null && !known.has(one.id));
    const marks = extra.map(markOf);
    const left = this.#program.removed.filter(
      ({ name, inputs }) => !state.has(name) && marks.includes(String(inputs.mark)),
    );
    for (const { id } of extra.filter((one) => this.#raced && this.#isSecond(markOf(one)))) {
      this.#say(`reconcile destroys the duplicate ${id}`);
      this.#count("duplicate left to reconcile");
      await this.#world.asUser("DELETE", `/api/v0/instances/${id}/`);
      await this.#world.clock.pass(5);
    }
    if (left.length === 0) return;
    this.#say("reconcile takes up what the program no longer has");
    this.#count("removed resource left to reconcile");
    await this.#operate(this.#engine, "up", new Life(), undefined, left);
  }

  #isSecond(mark: string | undefined): boolean {
    return [...this.#engine.state.values()].some((kept) => kept.kind === "instance" && kept.outputs.mark === mark);
  }

  async #destroyAll(): Promise<void> {
    await this.#write();
    this.#say("destroy");
    let errors = new Map<string, Error>();
    for (let tries = 0; tries < DESTROY_TRIES; tries += 1) {
      await this.#bringHostsBack();
      errors = await this.#operate(this.#engine, "destroy", new Life());
      if (errors.size === 0) break;
    }
    const left = [...errors].map(([name, error]) => `destroy leaves ${name}: ${error.message}`);
    this.report.violations.push(
      ...(left.some((line) => BY_DESIGN.test(line)) ? [] : left),
      ...(await judgeAccount(this.#world, this.#engine.state)),
      ...(await judgeHistory({
        world: this.#world,
        bucket: this.#bucket,
        written: this.#results.written,
        messages: this.report.messages,
        raced: this.#raced,
      })),
    );
  }

  async #bringHostsBack(): Promise<void> {
    const machines = await this.#world.admin<{ id: number; online: boolean }[]>("GET", "/machines");
    for (const { id, online } of machines) if (!online) await this.#world.admin("POST", `/machines/${id}/online`);
  }
}

/** In a live market a host may go again while a destroy is under way. */
const DESTROY_TRIES = 3;
/** A provider that died between the rental of a volume and its first record: nobody can tell that nothing is on it. */
const BY_DESIGN = /may have been used before its record/;
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
