import type * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { volumeInputsSchema } from "../lifecycle/volume-inputs.ts";
import { type InputsOf, stackMark } from "./args.ts";
import { DynamicResource } from "./dynamic-resource.ts";
import type { OfferArgs } from "./vast-instance.ts";

type Raw = Omit<z.input<typeof volumeInputsSchema>, "mark" | "resource" | "placeWith" | "name">;

/** Inputs of a VastVolume; see docs/resources/vast-volume.md. */
export interface VastVolumeArgs extends InputsOf<Raw> {
  /** Shown in the Vast console; letters, digits and _; default: the resource's name with _ for other characters. */
  name?: pulumi.Input<string>;
  /** The instance that will mount it: both must be on one machine. */
  placeWith?: {
    offer: InputsOf<OfferArgs>;
    disk: pulumi.Input<number>;
    image?: pulumi.Input<string>;
    ports?: pulumi.Input<(number | string)[]>;
  };
}

/** A local volume: bound to one machine, of fixed size, billed until deleted, mounted when an instance is created. */
export class VastVolume extends DynamicResource {
  static readonly __pulumiType = "pulumi-nodejs:dynamic/vast:Volume";

  declare readonly volumeId: pulumi.Output<number>;
  declare readonly machineId: pulumi.Output<number>;
  declare readonly size: pulumi.Output<number>;
  /** USD/h */
  declare readonly dph: pulumi.Output<number>;
  declare readonly status: pulumi.Output<string>;

  constructor(name: string, args: VastVolumeArgs, opts: pulumi.CustomResourceOptions = {}) {
    const props = {
      name: name.replaceAll(/[^A-Za-z0-9_]/g, "_").slice(0, 40),
      ...args,
      mark: stackMark("Volume", name),
      resource: name,
      volumeId: undefined,
      dph: undefined,
      status: undefined,
      pinnedMachineId: undefined,
      machineId: args.machineId,
    };
    super("volume", "Volume", name, props, opts);
  }
}
