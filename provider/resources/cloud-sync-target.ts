import * as pulumi from "@pulumi/pulumi";
import type { TargetInputs } from "../lifecycle/cloud-sync-target.ts";
import type { Binding } from "../lifecycle/instance/inputs.ts";
import { type InputsOf, stackMark } from "./args.ts";

/** Inputs of a CloudSyncTarget; see docs/resources/cloud-sync-target.md. */
export interface CloudSyncTargetArgs extends InputsOf<Omit<TargetInputs, "mark">> {}

const provider: pulumi.dynamic.ResourceProvider = {
  configure: async (req) => (await import("pulumi-vast/doors")).configure(req),
  check: async (olds, news) => (await import("pulumi-vast/doors")).cloudSyncTarget.check(olds, news),
  diff: async (id, olds, news) => (await import("pulumi-vast/doors")).cloudSyncTarget.diff(id, olds, news),
  create: async (inputs) => (await import("pulumi-vast/doors")).cloudSyncTarget.create(inputs),
  read: async (id, props) => (await import("pulumi-vast/doors")).cloudSyncTarget.read(id, props),
  update: async (id, olds, news) => (await import("pulumi-vast/doors")).cloudSyncTarget.update(id, olds, news),
  delete: async (id, props) => (await import("pulumi-vast/doors")).cloudSyncTarget.delete(id, props),
};

/** Binds a cloud connection of the Vast account to a bucket and prefix: where instances' results are copied to. */
export class CloudSyncTarget extends pulumi.dynamic.Resource {
  static readonly __pulumiType = "pulumi-nodejs:dynamic/vast:CloudSyncTarget";

  /** Give it to `copyOut.target` of instances and volumes. */
  declare readonly binding: pulumi.Output<Binding>;
  declare readonly bucket: pulumi.Output<string>;
  declare readonly prefix: pulumi.Output<string>;

  constructor(name: string, args: CloudSyncTargetArgs, opts: pulumi.CustomResourceOptions = {}) {
    super(
      provider,
      name,
      { ...args, mark: stackMark("CloudSyncTarget", name), binding: undefined, home: undefined },
      { ...opts, deleteBeforeReplace: true },
      "vast",
      "CloudSyncTarget",
    );
  }
}
