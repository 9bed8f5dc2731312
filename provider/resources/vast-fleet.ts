import * as pulumi from "@pulumi/pulumi";
import type { FleetCost } from "../fleet/cost.ts";
import { workerNumbers } from "../fleet/worker-numbers.ts";
import { type FleetMember, previewCost } from "./preview-cost.ts";
import { VastInstance, type VastInstanceArgs } from "./vast-instance.ts";
import { VastVolume } from "./vast-volume.ts";

/** Inputs of a VastFleet; see docs/resources/vast-fleet.md. */
export interface VastFleetArgs {
  /** Number of workers; raising or lowering it touches only the workers added or removed. */
  workers: number;
  /** Numbers that are left out: `workers: 3, absent: [1]` are 0, 2 and 3. So a certain worker can go while others stay. */
  absent?: readonly number[];
  /** Middle part of the workers' names: `<fleet>-<worker>-<n>`; default `worker`. */
  worker?: string;
  /** What every worker is like. */
  profile: VastInstanceArgs;
  /** What single workers have otherwise, by number. */
  overrides?: Record<number, Partial<VastInstanceArgs>>;
  /** A volume for each worker, on its machine, mounted at `mountPath`; sizes in GB. */
  volume?: { size: number; mountPath: string };
}

const HOURS_PER_DAY = 24;

/** N workers of one profile on distinct machines, named so that losing one of four replaces exactly one. */
export class VastFleet extends pulumi.ComponentResource {
  /** The workers, in the order of their numbers. */
  readonly workers: readonly VastInstance[];
  /** Their volumes, where there are any. */
  readonly volumes: readonly VastVolume[];
  /** USD/h of the whole fleet, all-in. */
  readonly dph: pulumi.Output<number>;
  /** USD per day of the whole fleet, all-in. */
  readonly perDay: pulumi.Output<number>;
  /** In a preview: what the fleet would cost, kept workers at their price and new ones at the market's now. */
  readonly cost: pulumi.Output<FleetCost | undefined>;
  /** Worker name → SSH command. */
  readonly ssh: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: VastFleetArgs, opts: pulumi.ComponentResourceOptions = {}) {
    super("vast:index:Fleet", name, {}, opts);
    const volumes: VastVolume[] = [];
    const members: FleetMember[] = workerNumbers(args.workers, args.absent).map((n) => {
      const workerName = `${name}-${args.worker ?? "worker"}-${n}`;
      const worker: VastInstanceArgs = { ...args.profile, ...args.overrides?.[n] };
      const mounted = args.volume ? mountVolume(workerName, worker, args.volume, this) : undefined;
      if (mounted) volumes.push(mounted.volume);
      const inputs = { ...worker, ...mounted?.inputs };
      const opts = { parent: this, ...(mounted ? { dependsOn: mounted.volume } : {}) };
      const resource = new VastInstance(workerName, inputs, opts);
      return { name: workerName, resource, inputs, volume: mounted?.volume, volumeGb: args.volume?.size };
    });
    this.workers = members.map(({ resource }) => resource);
    this.volumes = volumes;
    const prices = pulumi.all([...this.workers.map((worker) => worker.dph), ...volumes.map((volume) => volume.dph)]);
    this.dph = prices.apply((all) => cents(all.reduce((sum, dph) => sum + dph, 0)));
    this.perDay = prices.apply((all) => cents(HOURS_PER_DAY * all.reduce((sum, dph) => sum + dph, 0)));
    this.ssh = pulumi
      .all(this.workers.map((worker) => pulumi.all([worker.label, worker.sshCommand])))
      .apply((pairs) => Object.fromEntries(pairs));
    this.cost = pulumi.output(pulumi.runtime.isDryRun() ? previewCost(name, this, members) : undefined);
    const dph = pulumi.all([this.dph, this.cost]).apply(([usd]) => usd);
    this.registerOutputs({ dph, perDay: this.perDay, ssh: this.ssh });
  }
}

function mountVolume(
  workerName: string,
  worker: VastInstanceArgs,
  volume: { size: number; mountPath: string },
  parent: pulumi.Resource,
) {
  const copyOut =
    worker.copyOut === undefined
      ? undefined
      : pulumi.output(worker.copyOut).apply((c) => ({ target: c?.target, waive: c?.waive }));
  const resource = new VastVolume(
    `${workerName}-volume`,
    {
      size: volume.size,
      placeWith: {
        offer: worker.offer,
        disk: worker.disk,
        ...(worker.image === undefined ? {} : { image: worker.image as pulumi.Input<string> }),
        ...(worker.ports === undefined ? {} : { ports: worker.ports as pulumi.Input<(number | string)[]> }),
      },
      ...(copyOut === undefined ? {} : { copyOut }),
    },
    { parent },
  );
  return {
    volume: resource,
    inputs: { volume: { id: resource.volumeId, machineId: resource.machineId, mountPath: volume.mountPath } },
  };
}

/** Hundredths of a cent: sums of floats would show as changes. */
function cents(usd: number): number {
  return Math.round(usd * 1e4) / 1e4;
}
