import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { type LocalCloud, startLocal } from "../../../tools/local.ts";
import { percentile } from "../figures.ts";

/** Wall seconds of one kind of program. */
export interface Costs {
  up: number;
  refresh: number;
  destroy: number;
}

export interface EngineFigures {
  /** Sums of up, refresh and destroy, wall seconds; each the median of the rounds. */
  seconds: number;
  baselineSeconds: number;
  ratio: number;
  instances: Costs;
  noOp: Costs;
  /** Bytes of state of one resource. */
  stateBytes: Record<Kind, number>;
  rounds: number;
  clockScale: number;
}

type Kind = "instances" | "noOp";

const PROGRAM = join(import.meta.dirname, "engine-program");
/** A create's 4.5 seconds take little over two milliseconds. */
const SCALE = 2000;

export interface EngineOptions {
  dir: string;
  count: number;
  parallel: number;
  seed: number;
  rounds: number;
}

/**
 * What the provider costs the engine beside the service's own waits: the same number of instances, on a clock on which
 * waits are almost nothing, and of resources that do nothing, in as many bytes of state. Both in turn, so that both see the
 * same machine.
 */
export async function engineCost(options: EngineOptions): Promise<EngineFigures> {
  const { dir, count, seed } = options;
  mkdirSync(dir, { recursive: true });
  const offers = Math.max(600, count * 10);
  const local = await startLocal({ dir, seed, speed: SCALE, offers, credit: 1e9, rateLimits: false });
  try {
    return await compare({ ...options, local });
  } finally {
    await local.stop();
  }
}

async function compare(run: Run): Promise<EngineFigures> {
  // Both kinds once before they are timed: the first run of all compiles what later ones find compiled.
  const bare = await costs({ ...run, count: 1 }, "noOp", 0, "bare");
  await costs({ ...run, count: 1 }, "instances", 0, "bare");
  const all: Record<Kind, Measured[]> = { instances: [], noOp: [] };
  for (let round = 0; round < run.rounds; round += 1) {
    const instances = await costs(run, "instances", 0, String(round));
    // Inputs and outputs both hold the padding.
    const padding = Math.max(0, Math.round((instances.bytes - bare.bytes) / 2));
    all.instances.push(instances);
    all.noOp.push(await costs(run, "noOp", padding, String(round)));
  }
  const instances = medians(all.instances);
  const noOp = medians(all.noOp);
  const seconds = total(instances);
  const baselineSeconds = total(noOp);
  return {
    ...{ seconds, baselineSeconds, ratio: Math.round((seconds / baselineSeconds) * 1000) / 1000 },
    ...{ instances, noOp },
    stateBytes: { instances: all.instances[0]?.bytes ?? 0, noOp: all.noOp[0]?.bytes ?? 0 },
    ...{ rounds: run.rounds, clockScale: SCALE },
  };
}

interface Measured {
  costs: Costs;
  bytes: number;
}

function medians(all: readonly Measured[]): Costs {
  const median = (phase: keyof Costs) =>
    percentile(
      all.map(({ costs }) => costs[phase]).toSorted((a, b) => a - b),
      0.5,
    );
  return { up: median("up"), refresh: median("refresh"), destroy: median("destroy") };
}

const WAIVER = JSON.stringify({ resources: ["*"], reason: "the benchmark keeps nothing" });

interface Run extends EngineOptions {
  local: LocalCloud;
}

async function costs(
  { local, dir, count, parallel }: Run,
  kind: Kind,
  padding: number,
  name: string,
): Promise<Measured> {
  const stack = `${kind}-${name}`;
  const env = { ...local.env, XDG_CACHE_HOME: join(dir, "cache"), VAST_WAIVE_COPY_OUT: WAIVER };
  const pulumi = (...args: string[]) => execa("pulumi", [...args, "--stack", stack], { cwd: PROGRAM, env, all: true });
  const configFile = join(dir, `Pulumi.${stack}.yaml`);
  const config = {
    "vast:apiUrl": local.vastUrl,
    "vast:owner": "bench",
    "vast:clockScale": String(SCALE),
    ...{ "engine-cost:kind": kind, "engine-cost:count": String(count), "engine-cost:padding": String(padding) },
  };
  // `stack init` writes the salt beside Pulumi.yaml: beside a copy, so that the checkout stays as it is.
  copyFileSync(join(PROGRAM, "Pulumi.yaml"), join(dir, "Pulumi.yaml"));
  await execa("pulumi", ["stack", "init", stack], { cwd: dir, env });
  writeFileSync(configFile, `${readFileSync(configFile, "utf8")}${stringify({ config })}`);
  const timed = async (...args: string[]) => {
    const startedMs = performance.now();
    await pulumi(...args, "--yes", "--skip-preview", "--config-file", configFile, "--parallel", String(parallel));
    return Math.round(performance.now() - startedMs) / 1000;
  };
  const up = await timed("up");
  const exported = JSON.parse((await pulumi("stack", "export")).stdout) as { deployment: { resources: object[] } };
  const resources = exported.deployment.resources.filter((resource) => JSON.stringify(resource).includes("worker-"));
  const bytes = Math.round(JSON.stringify(resources).length / Math.max(1, resources.length));
  return { costs: { up, refresh: await timed("refresh"), destroy: await timed("destroy") }, bytes };
}

function total({ up, refresh, destroy }: Costs): number {
  return Math.round((up + refresh + destroy) * 1000) / 1000;
}
