import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalCloud, startLocal } from "../../../tools/local.ts";
import { atMost, conclude, machine, type Target, table } from "../figures.ts";
import { type EngineFigures, engineCost } from "./engine.ts";
import { BULK_DESTROY, LIST, measured, type PhaseFigures, RENT, SET } from "./phase.ts";
import { CHECKPOINT_SECONDS, type FleetStack, openFleetStack } from "./stack.ts";

export interface FleetOptions {
  instances: number;
  speed: number;
  upSpeed?: number;
  processes: number;
  copyOut: boolean;
  engine: boolean;
  engineRounds: number;
  seed: number;
  parallel?: number;
  json?: string;
}

/** Rows of a list page, and ids of a bulk destroy (vast-api.md 1.5 and 3.5). */
const PAGE = 25;
const BULK = 64;
const OFFERS_PER_WORKER = 10;
const FEWEST_OFFERS = 600;

const RATIO_LIMITS: Readonly<Record<string, number>> = { up: 1.05, preview: 1.05, refresh: 1.05, destroy: 1.1 };
const ENGINE_LIMIT = 1.2;
const STATE_LIMIT_BYTES = 7_000;
const PROVIDER_LIMIT_BYTES = 1_500;

/** A fleet's life on the real engine against the API's own limits (design.md, "Speed"). */
export async function fleet(options: FleetOptions): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "pulumi-vast-bench-"));
  try {
    const bench = { ...options, dir, parallel: options.parallel ?? Math.max(64, options.instances + 16) };
    const life = await lifeOf(bench);
    printLife(bench, life);
    const engine = options.engine
      ? await engineCost({
          ...{ dir: join(dir, "engine"), count: options.instances, parallel: bench.parallel },
          ...{ seed: options.seed, rounds: options.engineRounds },
        })
      : undefined;
    sumUp(bench, life, engine);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

type Bench = FleetOptions & { dir: string; parallel: number };

interface Life {
  phases: PhaseFigures[];
  contractsCreated: number;
  contractsExpected: number;
  contractsLeft: number;
  stateBytes: { resource: number; provider: number };
}

async function lifeOf(bench: Bench): Promise<Life> {
  const { dir, seed, speed } = bench;
  const offers = Math.max(FEWEST_OFFERS, bench.instances * OFFERS_PER_WORKER);
  const local = await startLocal({ dir, seed, speed, offers, credit: 1e9 });
  try {
    const phases: PhaseFigures[] = [];
    const stateBytes = await oneStack(bench, local, phases);
    if (bench.processes > 1) await manyStacks(bench, local, phases);
    const all = await local.admin<{ destroyedAt: number | null }[]>("GET", "/admin/instances?all=1");
    return {
      phases,
      contractsCreated: all.length,
      contractsExpected: bench.instances * ((bench.copyOut ? 2 : 1) + (bench.processes > 1 ? 1 : 0)),
      contractsLeft: all.filter(({ destroyedAt }) => destroyedAt === null).length,
      stateBytes,
    };
  } finally {
    await local.stop();
  }
}

async function oneStack(bench: Bench, local: LocalCloud, phases: PhaseFigures[]): Promise<Life["stateBytes"]> {
  const { instances: n, speed } = bench;
  const upSpeed = bench.upSpeed ?? speed;
  const stack = await openFleetStack(local, { ...bench, name: "bench" });
  const phase = phaseRunner(local, phases);
  // A plain refresh or destroy takes its config, clock included, from the last up.
  const up = async (name: string, waived: boolean) => {
    await local.admin("POST", "/admin/clock", { speed });
    await stack.prepare();
    stack.want(n, upSpeed, { waived });
    await phase(name, upSpeed, { endpoint: RENT, calls: n }, () => stack.pulumi("up", "--yes", "--skip-preview"));
    await local.admin("POST", "/admin/clock", { speed });
    stack.want(n, speed, { waived });
    if (upSpeed !== speed) await stack.pulumi("up", "--yes", "--skip-preview");
  };
  await up("up", !bench.copyOut);
  const stateBytes = await stack.stateBytes();
  const list = { endpoint: LIST, calls: Math.ceil(n / PAGE) };
  await phase("preview", speed, list, () => stack.pulumi("preview", "--expect-no-changes"));
  await phase("refresh", speed, list, () => stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes"));
  stack.want(n, speed, { label: "renamed", waived: !bench.copyOut });
  await phase("label of one worker", speed, { endpoint: SET, calls: 1 }, () => stack.pulumi("up", "--yes"));
  if (bench.copyOut) {
    await local.admin("POST", "/admin/clock", { step: 2 * CHECKPOINT_SECONDS });
    await phase("destroy with copy-out", speed, undefined, () => stack.pulumi("destroy", "--yes", "--skip-preview"));
    await up("up again", true);
  }
  const bulk = { endpoint: BULK_DESTROY, calls: Math.ceil(n / BULK) };
  await phase("destroy", speed, bulk, () => stack.pulumi("destroy", "--yes", "--skip-preview"));
  return stateBytes;
}

/** Several engine runs at once, of stacks of their own, on one key and account. */
async function manyStacks(bench: Bench, local: LocalCloud, phases: PhaseFigures[]): Promise<void> {
  const { instances: n, speed, processes } = bench;
  const upSpeed = bench.upSpeed ?? speed;
  const share = (index: number) => Math.floor(n / processes) + (index < n % processes ? 1 : 0);
  const stacks: FleetStack[] = [];
  for (let index = 0; index < processes; index += 1) {
    const stack = await openFleetStack(local, { ...bench, name: `bench-${index}` });
    await stack.prepare();
    stacks.push(stack);
  }
  const phase = phaseRunner(local, phases);
  const together = (...args: string[]) => Promise.all(stacks.map((stack) => stack.pulumi(...args)));
  const want = (scale: number) => {
    for (const [index, stack] of stacks.entries()) stack.want(share(index), scale, { waived: true });
  };
  const name = `${processes} stacks at once`;
  want(upSpeed);
  await phase(`${name}: up`, upSpeed, { endpoint: RENT, calls: n }, () => together("up", "--yes", "--skip-preview"));
  await local.admin("POST", "/admin/clock", { speed });
  want(speed);
  if (upSpeed !== speed) await together("up", "--yes", "--skip-preview");
  await phase(`${name}: refresh`, speed, undefined, () => together("refresh", "--yes", "--skip-preview"));
  await phase(`${name}: destroy`, speed, undefined, () => together("destroy", "--yes", "--skip-preview"));
}

function phaseRunner(local: LocalCloud, phases: PhaseFigures[]) {
  return async (
    phase: string,
    speed: number,
    need: Parameters<typeof measured>[1]["need"],
    run: () => Promise<unknown>,
  ): Promise<void> => {
    await local.admin("POST", "/admin/clock", { speed });
    const figures = await measured(local, { phase, speed, need }, run);
    phases.push(figures);
    console.error(`${phase}: ${figures.wallSeconds} s`);
  };
}

function printLife({ instances, parallel }: Bench, life: Life): void {
  const { load1, ...host } = machine();
  console.log(
    `${instances} instances, --parallel ${parallel}; ${host.cores} cores, load ${load1}, Node ${host.node}. ` +
      "The destroy without copy-out goes by a written waiver.",
  );
  table(
    ["phase", "× clock", "wall s", "limited by", "needs", "calls", "virtual s", "limit s", "ratio", "429"],
    life.phases.map((p) => [
      ...[p.phase, p.speed, p.wallSeconds, p.limitedBy, p.callsRequired, p.calls[p.limitedBy] ?? 0],
      ...[p.seconds ?? "-", p.limitSeconds ?? "-", p.ratio ?? "-", p.http429],
    ]),
  );
  table(
    ["calls", "endpoint", "n"],
    life.phases.flatMap((p) => Object.entries(p.calls).map(([endpoint, n]) => [p.phase, endpoint, n])),
  );
}

function sumUp(bench: Bench, life: Life, engine: EngineFigures | undefined): void {
  const { instances, speed, parallel } = bench;
  const { load1, ...host } = machine();
  if (engine) printEngine(engine);
  conclude(
    {
      ...{ instances, speed, phases: life.phases, contractsCreated: life.contractsCreated },
      ...{ stateBytesPerResource: life.stateBytes.resource, providerBytes: life.stateBytes.provider },
      ...(engine ? { engine } : {}),
      ...{ parallel, upSpeed: bench.upSpeed ?? speed, contractsLeft: life.contractsLeft, host: { ...host, load1 } },
    },
    targetsOf(life, engine),
    bench.json,
  );
}

function printEngine({ instances, noOp, clockScale, rounds, stateBytes, ...sums }: EngineFigures): void {
  table(
    [`engine, clock × ${clockScale}, median of ${rounds}`, "up s", "refresh s", "destroy s", "sum s", "state bytes"],
    [
      ["instances", instances.up, instances.refresh, instances.destroy, sums.seconds, stateBytes.instances],
      ["no-op resources", noOp.up, noOp.refresh, noOp.destroy, sums.baselineSeconds, stateBytes.noOp],
    ],
  );
}

function targetsOf(life: Life, engine: EngineFigures | undefined): Target[] {
  const ratios = life.phases.flatMap(({ phase, ratio }) => {
    const limit = RATIO_LIMITS[phase.replace(/ again$/, "")];
    return limit === undefined || ratio === null ? [] : [atMost(`${phase}: ratio to the limit`, ratio, limit)];
  });
  return [
    ...ratios,
    atMost(
      "answers with 429",
      life.phases.reduce((sum, phase) => sum + phase.http429, 0),
      0,
    ),
    atMost("contracts rented beyond one a worker", life.contractsCreated - life.contractsExpected, 0),
    atMost("contracts left", life.contractsLeft, 0),
    ...(engine ? [atMost("engine: seconds to the no-op baseline", engine.ratio, ENGINE_LIMIT)] : []),
    atMost("bytes of state an instance", life.stateBytes.resource, STATE_LIMIT_BYTES),
    atMost("bytes of __provider", life.stateBytes.provider, PROVIDER_LIMIT_BYTES),
  ];
}
