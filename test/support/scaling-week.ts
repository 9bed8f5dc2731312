import { type Checked, changing, check, isChange, type Reach } from "../../operator/autoscale/check.ts";
import { type Memory, NO_MEMORY } from "../../operator/autoscale/memory.ts";
import type { FleetPolicy } from "../../operator/autoscale/policy.ts";
import type { Cost, Material } from "../../operator/report/figures.ts";
import { progressIn } from "../../operator/report/sample.ts";
import { type Sample as WorkerSample, sampleOf as workerSampleOf } from "../../operator/report/samples.ts";
import { chargesIn } from "../../operator/spend/meter.ts";
import { requestLogs } from "../../provider/api/instances.ts";
import { pollResult } from "../../provider/lifecycle/instance/wait.ts";
import { makeMark } from "../../provider/lifecycle/mark.ts";
import { startSimulator } from "../../simulator/server.ts";
import { ROOT } from "../../tools/s3.ts";
import { drawsOf } from "../bench/draws.ts";
import { httpClient, must } from "../bench/http.ts";
import { type Declared, Engine, type Process } from "../faults/engine.ts";
import { Life } from "../faults/life.ts";
import { memoryS3 } from "../faults/memory-s3.ts";
import { startProcess } from "../faults/provider-process.ts";
import { API_KEY, type RunWorld } from "../faults/run-world.ts";
import { SteppedClock } from "../faults/stepped-clock.ts";
import { RunBucket } from "../faults/storage.ts";

const FLEET = "trainer";
const DAY_S = 86_400;
/** Monday. */
export const WEEK_STARTS_S = Date.UTC(2026, 10, 2) / 1000;

export interface WeekOptions {
  policy: FleetPolicy;
  seed: number;
  days: number;
  checkEveryS: number;
  /** Items that one running worker does in an hour. */
  itemsPerHour: number;
  /** USD/h that a worker may cost. */
  maxDph: number;
  /** The service's charges come so much later than the use. */
  chargesLagS: number;
  /** Notes what workers do this often, for a report. */
  noteEveryS?: number;
  /** A worker crashes this often, and is repaired at the next check. */
  crashEveryS?: number;
}

export interface Sample {
  atS: number;
  queue: number | undefined;
  /** In the stack, and of those the running ones. */
  size: number;
  running: number;
  /** USD/h of all that is there. */
  dph: number;
  target: number;
  heldBy: Checked["decision"]["heldBy"];
  removed: { label: string; work: string }[];
}

export interface Week {
  samples: Sample[];
  /** USD by day, from the simulator's ledger. */
  usdByDay: number[];
  totalUsd: number;
  itemsIn: number;
  itemsDone: number;
  rentals: number;
  /** What `vast-fleet report` would be made from. */
  material: Material;
}

/**
 * A fleet under the autoscaler for days, on the provider's own handlers and a simulator whose clock is stepped: waits cost
 * nothing. The queue is bursty, silent for an hour on the third day, and what the ledger says is told by the ledger.
 */
export async function scalingWeek(options: WeekOptions): Promise<Week> {
  await using stage = await openStage(options);
  const { world, engine, queue } = stage;
  const week: Omit<Week, "material"> = { samples: [], usdByDay: [], totalUsd: 0, itemsIn: 0, itemsDone: 0, rentals: 0 };
  const noted: WorkerSample[] = [];
  const removals: Material["removals"][number][] = [];
  let memory: Memory = NO_MEMORY;
  for (let at = WEEK_STARTS_S; at < WEEK_STARTS_S + options.days * DAY_S; at += options.checkEveryS) {
    if (at > world.clock.nowS) await world.clock.pass(at - world.clock.nowS);
    await queue.advance(world.clock.nowS, await stage.running());
    const process = stage.process();
    const reach = reachOf(stage, process, options);
    const seen = await world.clock.during(process.life, () => check(reach, FLEET, options.policy, memory));
    memory = seen.memory;
    const { checked } = seen;
    if (options.noteEveryS && at % options.noteEveryS === 0)
      noted.push(...(await world.clock.during(process.life, () => note(stage, process))));
    week.samples.push(sampleOf(checked, world.clock.nowS, (await stage.running()).length));
    if (options.crashEveryS) await engine.up(stage.process(), stage.program());
    if (isChange(checked.decision)) {
      removals.push(...removedBy(checked, world.clock.nowS));
      memory = changing(memory, checked, world.clock.nowS);
      await reach.resize(FLEET, checked.decision);
    }
    if (options.crashEveryS && at % options.crashEveryS === options.checkEveryS) await stage.crash();
    const next = at + options.checkEveryS;
    if (next % DAY_S === 0) {
      if (next > world.clock.nowS) await world.clock.pass(next - world.clock.nowS);
      const total = await stage.billed();
      week.usdByDay.push(total - week.totalUsd);
      week.totalUsd = total;
    }
  }
  const everything = await world.contracts();
  const material = await materialOf(stage, options, noted, removals);
  return {
    ...week,
    material,
    itemsIn: queue.itemsIn,
    itemsDone: queue.itemsDone,
    rentals: everything.length + engine.orphans.length,
  };
}

function sampleOf({ decision, workers, depth }: Checked, atS: number, running: number): Sample {
  return {
    atS,
    queue: depth,
    size: decision.size,
    running,
    dph: workers.reduce((sum, { dph }) => sum + dph, 0),
    target: decision.target,
    heldBy: decision.heldBy,
    removed: workers
      .filter(({ number }) => decision.remove.includes(number))
      .map(({ label, work }) => ({ label, work })),
  };
}

type Stage = Awaited<ReturnType<typeof openStage>>;

function removedBy({ decision, workers }: Checked, atS: number): Material["removals"] {
  return workers.filter(({ number }) => decision.remove.includes(number)).map(({ label }) => ({ label, atS }));
}

/** As `vast-fleet report --sample` does. */
async function note({ engine }: Stage, { context }: Process): Promise<WorkerSample[]> {
  const { rows } = await context.sweeper.atMost(0);
  const samples: WorkerSample[] = [];
  const atS = Math.round(context.clock.nowS());
  for (const { id } of engine.state.values()) {
    const row = rows.get(Number(id));
    if (!row) continue;
    const url = row.actual_status === "running" ? await context.transport.call(requestLogs, row.id, { tail: 50 }) : "";
    const log = url === "" ? "" : ((await pollResult(context, url)) ?? "");
    const progress = progressIn(log, undefined);
    samples.push(workerSampleOf(row, { fleet: FLEET, team: "research", progress }, atS));
  }
  return samples;
}

async function materialOf(
  stage: Stage,
  { days }: WeekOptions,
  samples: WorkerSample[],
  removals: Material["removals"],
): Promise<Material> {
  const { context, life } = stage.process();
  const toS = WEEK_STARTS_S + days * DAY_S;
  const costs: Cost[] = [];
  for (let fromS = WEEK_STARTS_S; fromS < toS; fromS += DAY_S) {
    const day = new Date(fromS * 1000).toISOString().slice(0, 10);
    const rows = await stage.world.clock.during(life, () => chargesIn(context.transport, { fromS, toS: fromS }));
    for (const { source, amount, metadata } of rows)
      costs.push({ day, source, label: metadata?.label ?? "", usd: amount });
  }
  const factsOf = () => ({ fleet: FLEET, team: "research" });
  return { stack: "week", fromS: WEEK_STARTS_S, toS, costs, samples, removals, factsOf, actions: {}, unit: "games" };
}

function reachOf(stage: Stage, process: Process, { maxDph }: WeekOptions): Reach {
  const { engine, world, numbers } = stage;
  return {
    fleets: [FLEET],
    nowS: () => world.clock.nowS,
    see: async () => {
      const { rows } = await process.context.sweeper.atMost(0);
      const workers = [...numbers].map((number) => {
        const label = `${FLEET}-worker-${number}`;
        return { number, label, row: rows.get(Number(engine.state.get(label)?.id)) };
      });
      return { workers, rows: [...rows.values()], newWorkerDph: maxDph };
    },
    depth: () => stage.queue.depth(world.clock.nowS),
    charges: (span) => chargesIn(process.context.transport, span),
    resize: async (_, { target, remove }) => {
      for (const number of remove) numbers.delete(number);
      for (let number = 0; numbers.size < target; number += 1) numbers.add(number);
      const errors = await engine.up(stage.process(), stage.program());
      // The market is calm: nothing may fail.
      for (const [name, error] of errors) throw new Error(`${name}: ${error.message}`);
    },
  };
}

function workerOf(number: number, maxDph: number, target: unknown): Declared {
  const name = `${FLEET}-worker-${number}`;
  const inputs = {
    mark: makeMark({ project: "p", stack: "week", owner: "o", name }),
    label: name,
    offer: { gpu: ["RTX_3060", "RTX_3070", "RTX_3080", "RTX_3090", "RTX_4090"], maxDph, minReliability: 0.9 },
    image: "ubuntu:22.04",
    disk: 20,
    copyOut: { target, paths: ["/workspace"] },
  };
  return { name, kind: "instance", needs: [], inputs: () => inputs };
}

async function openStage(options: WeekOptions) {
  const simulator = await startSimulator({
    apiKey: API_KEY,
    seed: options.seed,
    paused: true,
    startAt: WEEK_STARTS_S,
    ssh: false,
    offers: 300,
    market: "calm",
    credit: 10_000,
    choices: { enforceRateLimits: false, chargesLagS: options.chargesLagS },
  });
  const adminSide = httpClient(simulator.adminUrl, simulator.adminToken);
  const admin = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    must(adminSide, method, `/admin${path}`, body) as Promise<T>;
  const clock = new SteppedClock(WEEK_STARTS_S, {
    step: async (seconds) => (await admin<{ now: number }>("POST", "/clock", { step: seconds })).now,
    heldBackFor: async () => undefined,
  });
  const world = { url: simulator.url, clock, admin, contracts: () => admin<unknown[]>("GET", "/instances?all=1") };
  const engine = new Engine(clock);
  const storage = await memoryS3();
  // The gate reaches the bucket with the credentials of the shell.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: ROOT.accessKeyId, AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey });
  const bucket = new RunBucket(storage.url, "week");
  await bucket.make();
  const { accessKeyId, secretAccessKey } = ROOT;
  const place = { name: "s3c", endpoint: bucket.url, region: bucket.region, accessKeyId, secretAccessKey };
  const connection = await admin<{ id: number }>("POST", "/connections", place);
  const running = async () =>
    (await admin<{ actual: string | null; label: string }[]>("GET", "/instances"))
      .filter(({ actual }) => actual === "running")
      .map(({ label }) => label);
  const numbers = new Set<number>();
  const target = {
    connectionId: connection.id,
    bucket: bucket.name,
    prefix: "runs",
    region: bucket.region,
    endpoint: bucket.url,
  };
  return {
    world,
    engine,
    running,
    numbers,
    program: () => [...numbers].map((number) => workerOf(number, options.maxDph, target)),
    crash: async () => {
      const [first] = await admin<{ id: number }[]>("GET", "/instances");
      if (first) await admin("POST", `/instances/${first.id}/crash`);
    },
    queue: new BurstyQueue(options, (label, works) => admin("POST", "/workloads", workload(label, works))),
    process: (): Process =>
      startProcess(world as unknown as RunWorld, new Life(), { limited: false, log: () => undefined }),
    billed: async () => (await admin<{ totalUsd: number }>("GET", "/bill")).totalUsd,
    [Symbol.asyncDispose]: async () => {
      clock.close();
      adminSide.close();
      bucket.close();
      await simulator.close();
      await storage[Symbol.asyncDispose]();
    },
  };
}

function workload(label: string, works: boolean) {
  const pace = { checkpointEverySeconds: 7200, checkpointBytes: 2000, keep: 2 };
  return { match: { label }, model: works ? "self-play" : "idle", ...pace };
}

/** Quiet nights, steady days, and now and then a burst; whom no item is left for does nothing, and its GPU shows it. */
class BurstyQueue {
  itemsIn = 0;
  itemsDone = 0;
  #items = 0;
  #atS = WEEK_STARTS_S;
  #told = "";
  readonly #draws;
  readonly #options: WeekOptions;
  readonly #setWork: (label: string, works: boolean) => Promise<unknown>;

  constructor(options: WeekOptions, setWork: (label: string, works: boolean) => Promise<unknown>) {
    this.#options = options;
    this.#setWork = setWork;
    this.#draws = drawsOf(`bursty queue ${options.seed}`);
  }

  async advance(nowS: number, running: readonly string[]): Promise<void> {
    const hours = (nowS - this.#atS) / 3600;
    this.#atS = nowS;
    const done = Math.min(this.#items, running.length * this.#options.itemsPerHour * hours);
    const hour = (nowS % DAY_S) / 3600;
    const steady = hour >= 8 && hour < 20 ? 110 : 20;
    const burst = this.#draws.chance(hours / 14) ? this.#draws.integer(300, 1200) : 0;
    const came = Math.round(steady * hours * (0.5 + this.#draws.integer(0, 100) / 100)) + burst;
    this.#items += came - done;
    this.itemsIn += came;
    this.itemsDone += done;
    await this.#tell(running);
  }

  async #tell(running: readonly string[]): Promise<void> {
    const needed = Math.ceil(this.#items / (this.#options.itemsPerHour * (this.#options.checkEveryS / 3600)));
    const inOrder = running.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const orders = inOrder.map((label, index) => ({ label, works: index < needed }));
    if (JSON.stringify(orders) === this.#told) return;
    this.#told = JSON.stringify(orders);
    for (const { label, works } of orders) await this.#setWork(label, works);
  }

  async depth(nowS: number): Promise<number> {
    const silentFromS = WEEK_STARTS_S + 2.5 * DAY_S;
    if (nowS >= silentFromS && nowS < silentFromS + 3600) throw new Error("the queue does not answer");
    return Math.round(this.#items);
  }
}
