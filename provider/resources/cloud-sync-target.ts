import type * as pulumi from "@pulumi/pulumi";
import type { Binding } from "../copy-out/inputs.ts";
import type { TargetInputs } from "../lifecycle/cloud-sync-target.ts";
import { type InputsOf, stackMark } from "./args.ts";
import { DynamicResource } from "./dynamic-resource.ts";

/** Inputs of a CloudSyncTarget; see docs/resources/cloud-sync-target.md. */
export interface CloudSyncTargetArgs extends InputsOf<Omit<TargetInputs, "mark">> {}

/** Binds a cloud connection of the Vast account to a bucket and prefix: where instances' results are copied to. */
export class CloudSyncTarget extends DynamicResource {
  static readonly __pulumiType = "pulumi-nodejs:dynamic/vast:CloudSyncTarget";

  /** Give it to `copyOut.target` of instances and volumes. */
  declare readonly binding: pulumi.Output<Binding>;
  declare readonly bucket: pulumi.Output<string>;
  declare readonly prefix: pulumi.Output<string>;

  constructor(name: string, args: CloudSyncTargetArgs, opts: pulumi.CustomResourceOptions = {}) {
    const props = { ...args, mark: stackMark("CloudSyncTarget", name), binding: undefined };
    super("cloudSyncTarget", "CloudSyncTarget", name, props, opts);
  }
}
