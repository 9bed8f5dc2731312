import type { Criteria } from "../provider/lifecycle/instance/criteria.ts";
import type { InstanceInputs } from "../provider/lifecycle/instance/inputs.ts";
import type { VolumeInputs } from "../provider/lifecycle/volume.ts";

/**
 * The type tokens of pulumi-vast's resources. Rules go by them: importing the resource classes would load the provider
 * into every start of the pack.
 */
export const TOKENS = {
  instance: "pulumi-nodejs:dynamic/vast:Instance",
  volume: "pulumi-nodejs:dynamic/vast:Volume",
} as const;

/**
 * Inputs as a policy sees them, after the provider's check has filled the defaults in. Where a preview does not know a
 * part of a property yet, the check leaves all of that property as the program gave it: any default may then be absent.
 * Reading a value that is not known yet throws.
 */
type Seen<T> = T extends readonly (infer Item)[]
  ? readonly Seen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Seen<T[Key]> | undefined }
    : T;

/** Criteria, or one offer by its id. */
export type Offer = Seen<Criteria> & { readonly id?: number | undefined };
export type Instance = Seen<Omit<InstanceInputs, "offer">> & { readonly offer?: Offer | undefined };
export type Volume = Seen<Omit<VolumeInputs, "placeWith">> & {
  readonly placeWith?: { readonly offer?: Offer | undefined } | undefined;
};

/** What rules can be about, by the names of {@link TOKENS}. */
export interface Resources {
  instance: Instance;
  volume: Volume;
}
