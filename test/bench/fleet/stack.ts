import type { LocalCloud } from "../../../tools/local.ts";
import { type FleetSettings, type LocalStack, openStack } from "../../../tools/stack.ts";

/** A stack of the checkout's own program whose fleet has one worker per number, on a local cloud. */
export interface FleetStack {
  /** Makes storage and cloud connection: what is measured after it are the instances. */
  prepare(): Promise<void>;
  /** Sets how many workers the program has, and how fast its clock runs. */
  want(workers: number, speed: number, more?: { label?: string; waived?: boolean }): void;
  pulumi(...args: string[]): Promise<void>;
  /** Mean bytes of an instance's entry in the state, and of the provider in it. */
  stateBytes(): Promise<{ resource: number; provider: number }>;
}

const INSTANCE = "pulumi-nodejs:dynamic/vast:Instance";
const WAIVER = { resources: ["*"], reason: "the benchmark measures a destroy that copies nothing out" };
/** Virtual seconds from a worker's start to its first checkpoint, and to each further one: the disk stays small. */
export const CHECKPOINT_SECONDS = 300;
const WORKLOAD = {
  VAST_SIM_CHECKPOINT_SECONDS: String(CHECKPOINT_SECONDS),
  VAST_SIM_CHECKPOINT_BYTES: "4096",
};

export async function openFleetStack(
  local: LocalCloud,
  { dir, name, speed, parallel }: { dir: string; name: string; speed: number; parallel: number },
): Promise<FleetStack> {
  const stack = await openStack({ local, dir, name, speed, fleets: fleetOf(0) });
  let env: Record<string, string> = {};
  const want: FleetStack["want"] = (workers, clockScale, { label, waived = false } = {}) => {
    stack.configure(fleetOf(workers, label), { "vast:clockScale": String(clockScale) });
    env = waived ? { VAST_WAIVE_COPY_OUT: JSON.stringify(WAIVER) } : {};
  };
  return {
    want,
    prepare: async () => {
      want(0, speed);
      await stack.pulumi(["up", "--yes", "--skip-preview"]);
      await stack.connectInConsole();
      await must(stack, ["up", "--yes", "--skip-preview"]);
    },
    pulumi: (...args) => must(stack, [...args, "--parallel", String(parallel)], env),
    stateBytes: async () => {
      const { deployment } = await stack.exportState();
      const instances = (deployment.resources ?? []).filter(({ type }) => type === INSTANCE);
      return {
        resource: mean(instances.map((instance) => JSON.stringify(instance).length)),
        provider: mean(instances.map(({ inputs }) => String(inputs?.__provider).length)),
      };
    },
  };
}

/** Cards enough for a thousand workers of one a machine: what is measured is not how scarce they are. */
const OFFER = {
  gpu: [
    "RTX_3090",
    "RTX_4090",
    "RTX_5090",
    "A100_SXM4",
    "H100_SXM",
    "H200",
    "L40S",
    "RTX_A6000",
    "RTX_3060",
    "RTX_3080",
  ],
  maxDph: 10,
  minReliability: 0.9,
};

function fleetOf(workers: number, label?: string): Record<string, FleetSettings> {
  const overrides: FleetSettings["overrides"] = label === undefined ? {} : { "0": { label } };
  return { fleet: { profile: "self-play", workers, with: { env: WORKLOAD, offer: OFFER }, overrides } };
}

async function must(stack: LocalStack, args: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const { exitCode, all } = await stack.pulumi(args, { env });
  if (exitCode !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${exitCode}:\n${all.slice(-4000)}`);
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length));
}
