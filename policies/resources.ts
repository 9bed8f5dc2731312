import type * as aws from "@pulumi/aws";
import type { Unwrap } from "@pulumi/pulumi";
import type { TargetInputs } from "../provider/lifecycle/cloud-sync-target.ts";
import type { Criteria } from "../provider/lifecycle/instance/criteria.ts";
import type { InstanceInputs } from "../provider/lifecycle/instance/inputs.ts";
import type { InstanceFacts } from "../provider/lifecycle/instance/outputs.ts";
import type { VolumeFacts, VolumeInputs } from "../provider/lifecycle/volume-inputs.ts";

/**
 * The type tokens that rules go by: importing the resource classes would load provider and AWS SDK into every start of
 * the pack. Where a resource has an older twin, both are meant.
 */
export const TOKENS = {
  instance: ["pulumi-nodejs:dynamic/vast:Instance"],
  volume: ["pulumi-nodejs:dynamic/vast:Volume"],
  target: ["pulumi-nodejs:dynamic/vast:CloudSyncTarget"],
  bucket: ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"],
  acl: ["aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2"],
  bucketPolicy: ["aws:s3/bucketPolicy:BucketPolicy"],
  publicAccessBlock: ["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"],
  versioning: ["aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"],
  encryption: [
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
  ],
  lifecycle: [
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
  ],
  userPolicy: ["aws:iam/userPolicy:UserPolicy"],
  managedPolicy: ["aws:iam/policy:Policy"],
} as const satisfies Record<keyof Resources, readonly string[]>;

/** The component whose children are one fleet. */
export const FLEET_TYPE = "vast:index:Fleet";

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
/** Outputs are there only where a whole stack is judged, and only of what exists. */
export type Instance = Seen<Omit<InstanceInputs, "offer">> & { readonly offer?: Offer | undefined } & Seen<
    Pick<InstanceFacts, "hostId" | "machineId" | "status">
  >;
export type Volume = Seen<Omit<VolumeInputs, "placeWith">> & {
  readonly placeWith?: { readonly offer?: Offer | undefined } | undefined;
} & Seen<Pick<VolumeFacts, "volumeId">>;

/** What rules can be about, by the names of {@link TOKENS}. */
export interface Resources {
  instance: Instance;
  volume: Volume;
  target: Seen<TargetInputs>;
  bucket: Seen<Unwrap<aws.s3.BucketArgs>>;
  acl: Seen<Unwrap<aws.s3.BucketAclArgs>>;
  bucketPolicy: { readonly policy?: unknown };
  publicAccessBlock: Seen<Unwrap<aws.s3.BucketPublicAccessBlockArgs>>;
  versioning: Seen<Unwrap<aws.s3.BucketVersioningArgs>>;
  encryption: Seen<Unwrap<aws.s3.BucketServerSideEncryptionConfigurationArgs>>;
  lifecycle: Seen<Unwrap<aws.s3.BucketLifecycleConfigurationArgs>>;
  userPolicy: { readonly policy?: unknown };
  managedPolicy: { readonly policy?: unknown };
}
export type Kind = keyof Resources;

export function kindOf(type: string): Kind | undefined {
  return KINDS.get(type);
}

const KINDS: ReadonlyMap<string, Kind> = new Map(
  Object.entries(TOKENS).flatMap(([kind, tokens]) => tokens.map((token) => [token, kind as Kind] as const)),
);
