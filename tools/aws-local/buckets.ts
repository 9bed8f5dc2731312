import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectsCommand,
  GetBucketTaggingCommand,
  PutBucketTaggingCommand,
} from "@aws-sdk/client-s3";
import { type Aws, bucketExists, isMissing, removal, step } from "./aws.ts";
import { objectVersions } from "./object-versions.ts";
import { type ResourceType, uniqueName } from "./resource.ts";
import type { Props } from "./wire.ts";

export const bucket: ResourceType = {
  token: "aws:s3/bucket:Bucket",
  inputs: ["bucket", "bucketPrefix", "forceDestroy", "objectLockEnabled", "region", "tags"],
  replaceOn: ["bucket", "bucketPrefix", "objectLockEnabled", "region"],
  autoName: { property: "bucket", prefix: "bucketPrefix", maxLength: 63, lowercase: true },
  defaults: { forceDestroy: false },

  async create(aws, inputs) {
    const name = String(inputs.bucket ?? uniqueName(inputs.bucketPrefix));
    await step(`creating S3 Bucket (${name})`, () => createNew(aws, name, inputs));
    try {
      await writeTags(aws, name, aws.allTags(inputs.tags));
    } catch (error) {
      // Without an id the engine would forget a bucket that exists; it is empty and a moment old.
      await aws.s3.send(new DeleteBucketCommand({ Bucket: name }));
      throw error;
    }
    return { id: name, outputs: bucketOutputs(aws, name, inputs) };
  },

  async read(aws, id, state, inputs) {
    if (!(await step(`reading S3 Bucket (${id})`, () => bucketExists(aws, id)))) return undefined;
    const tags = aws.ownTags(await readTags(aws, id));
    const isImport = Object.keys(inputs).length === 0;
    const known = isImport ? { bucket: id, forceDestroy: state.forceDestroy ?? false } : inputs;
    const current: Props = { ...known, tags: Object.keys(tags).length > 0 ? tags : undefined };
    return { inputs: current, outputs: bucketOutputs(aws, id, current) };
  },

  async update(aws, id, _state, inputs) {
    await writeTags(aws, id, aws.allTags(inputs.tags));
    return bucketOutputs(aws, id, inputs);
  },

  async delete(aws, id, state) {
    if (state.forceDestroy === true) await removal(`emptying S3 Bucket (${id})`, () => empty(aws, id));
    await removal(`deleting S3 Bucket (${id})`, () => aws.s3.send(new DeleteBucketCommand({ Bucket: id })));
  },
};

/**
 * In us-east-1 AWS answers "created" for a bucket that the account has already, so the real plugin looks first and
 * fails; in the other regions AWS itself refuses. Either way a second create of one's own bucket is an error here.
 */
async function createNew(aws: Aws, name: string, inputs: Props): Promise<void> {
  if (aws.region === "us-east-1" && (await bucketExists(aws, name))) {
    throw new Error("BucketAlreadyExists: you own it already; use the import option to manage it in this stack");
  }
  await aws.s3.send(
    new CreateBucketCommand({
      Bucket: name,
      ObjectLockEnabledForBucket: inputs.objectLockEnabled === true ? true : undefined,
      ...(aws.region === "us-east-1"
        ? {}
        : { CreateBucketConfiguration: { LocationConstraint: aws.region as "eu-west-1" } }),
    }),
  );
}

/** The attributes that follow from name and region; the domain names are those that AWS would give. */
export function bucketAttributes(aws: Aws, name: string): Props {
  return {
    id: name,
    bucket: name,
    arn: `arn:aws:s3:::${name}`,
    bucketDomainName: `${name}.s3.amazonaws.com`,
    bucketRegionalDomainName: `${name}.s3.${aws.region}.amazonaws.com`,
    bucketRegion: aws.region,
    region: aws.region,
    hostedZoneId: "Z3AQBSTGFJJSTF",
  };
}

function bucketOutputs(aws: Aws, name: string, inputs: Props): Props {
  const { __defaults, ...given } = inputs;
  return {
    bucketNamespace: "global",
    objectLockEnabled: false,
    ...given,
    ...bucketAttributes(aws, name),
    tagsAll: aws.allTags(inputs.tags),
  };
}

async function readTags(aws: Aws, name: string): Promise<Record<string, string>> {
  const { TagSet = [] } = await aws.s3
    .send(new GetBucketTaggingCommand({ Bucket: name }))
    // 404 here means that the bucket has no tags.
    .catch((error) => (isMissing(error) ? { TagSet: [] } : Promise.reject(error)));
  return Object.fromEntries(TagSet.map(({ Key, Value }) => [String(Key), Value ?? ""]));
}

async function writeTags(aws: Aws, name: string, tags: Record<string, string>): Promise<void> {
  const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value: String(Value) }));
  await step(`setting the tags of S3 Bucket (${name})`, () =>
    TagSet.length > 0
      ? aws.s3.send(new PutBucketTaggingCommand({ Bucket: name, Tagging: { TagSet } }))
      : aws.s3.send(new DeleteBucketTaggingCommand({ Bucket: name })),
  );
}

async function empty(aws: Aws, name: string): Promise<void> {
  for await (const Objects of objectVersions(aws, name)) {
    if (Objects.length === 0) continue;
    const Delete = { Objects, Quiet: true };
    const { Errors = [] } = await aws.s3.send(new DeleteObjectsCommand({ Bucket: name, Delete }));
    if (Errors.length > 0) throw new Error(`${Errors.length} objects could not be deleted, first ${Errors[0]?.Key}`);
  }
}
