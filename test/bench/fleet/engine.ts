import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { type LocalCloud, startLocal } from "../../../tools/local.ts";

/** Wall seconds of one kind of program. */
export interface Costs {
  up: number;
  refresh: number;
  destroy: number;
}

export interface EngineFigures {
  /** Sums of up, refresh and destroy, wall seconds. */
  seconds: number;
  baselineSeconds: number;
  ratio: number;
  instances: Costs;
  noOp: Costs;
  /** Bytes of state of one resource. */
  stateBytes: { instances: number; noOp: number };
  clockScale: number;
}

const PROGRAM = join(import.meta.dirname, "engine-program");
/** A create's 4.5 seconds take little over two milliseconds. */
const SCALE = 2000;

/**
 * What the provider costs the engine beside the service's own waits: the same number of instances, on a clock on which
 * waits are almost nothing, and of resources that do nothing, in as many bytes of state.
 */
export async function engineCost(dir: string, count: number, parallel: number, seed: number): Promise<EngineFigures> {
  mkdirSync(dir, { recursive: true });
  const offers = Math.max(600, count * 10);
  const local = await startLocal({ dir, seed, speed: SCALE, offers, credit: 1e9, rateLimits: false });
  try {
    return await compare({ local, dir, count, parallel });
  } finally {
    await local.stop();
  }
}

async function compare(run: Run): Promise<EngineFigures> {
  const bare = await costs({ ...run, count: 1 }, "no-op", 0);
  // Both kinds once before they are timed: the first run of all compiles what later ones find compiled.
  await costs({ ...run, count: 1 }, "instances", 0);
  const instances = await costs(run, "instances", 0);
  // Inputs and outputs both hold the padding.
  const noOp = await costs(run, "no-op", Math.max(0, Math.round((instances.bytes - bare.bytes) / 2)));
  const seconds = total(instances.costs);
  const baselineSeconds = total(noOp.costs);
  return {
    ...{ seconds, baselineSeconds, ratio: Math.round((seconds / baselineSeconds) * 1000) / 1000 },
    ...{ instances: instances.costs, noOp: noOp.costs },
    stateBytes: { instances: instances.bytes, noOp: noOp.bytes },
    clockScale: SCALE,
  };
}

const WAIVER = JSON.stringify({ resources: ["*"], reason: "the benchmark keeps nothing" });

interface Run {
  local: LocalCloud;
  dir: string;
  count: number;
  parallel: number;
}

async function costs(
  { local, dir, count, parallel }: Run,
  kind: "instances" | "no-op",
  padding: number,
): Promise<{ costs: Costs; bytes: number }> {
  const stack = `${kind}-${count}-${padding}`;
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
