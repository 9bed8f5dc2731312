import {
  DeleteBucketOwnershipControlsCommand,
  DeleteBucketPolicyCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  type ObjectOwnership,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
} from "@aws-sdk/client-s3";
import { type Aws, isMissing, removal, step } from "./aws.ts";
import type { ResourceType } from "./resource.ts";
import { isProps, type Props } from "./wire.ts";

/** A setting of a bucket that the S3 server really has: its id is the bucket's name, and bucket gone means gone. */
interface Setting {
  readonly token: string;
  readonly what: string;
  readonly inputs: readonly string[];
  readonly replaceOn?: readonly string[];
  readonly documents?: readonly string[];
  write(aws: Aws, bucket: string, inputs: Props): Promise<unknown>;
  /** The inputs as the server has them; undefined when the setting is not there. */
  read(aws: Aws, bucket: string): Promise<Props | undefined>;
  remove(aws: Aws, bucket: string, state: Props): Promise<unknown>;
}

function bucketSetting(setting: Setting): ResourceType {
  const name = (id: string) => `S3 Bucket ${setting.what} (${id})`;
  const write = async (aws: Aws, bucket: string, inputs: Props, verb: string) => {
    await step(`${verb} ${name(bucket)}`, () => setting.write(aws, bucket, inputs));
    const { __defaults, ...outputs } = inputs;
    return { region: aws.region, ...outputs };
  };
  return {
    token: setting.token,
    inputs: ["bucket", "region", ...setting.inputs],
    replaceOn: ["bucket", "region", ...(setting.replaceOn ?? [])],
    documents: setting.documents,
    async create(aws, inputs) {
      const bucket = String(inputs.bucket);
      return { id: bucket, outputs: await write(aws, bucket, inputs, "creating") };
    },
    async read(aws, id, state, inputs) {
      const live = await step(`reading ${name(id)}`, () =>
        setting.read(aws, id).catch((error) => (isMissing(error) ? undefined : Promise.reject(error))),
      );
      if (!live) return undefined;
      return {
        inputs: { bucket: id, ...inputs, ...live },
        outputs: { region: aws.region, ...state, bucket: id, ...live },
      };
    },
    update: (aws, id, _state, inputs) => write(aws, id, inputs, "updating"),
    delete: (aws, id, state) => removal(`deleting ${name(id)}`, () => setting.remove(aws, id, state)),
  };
}

type VersioningStatus = "Enabled" | "Suspended";

function wantedStatus(props: Props): unknown {
  return isProps(props.versioningConfiguration) ? props.versioningConfiguration.status : undefined;
}

function setVersioning(aws: Aws, Bucket: string, Status: VersioningStatus) {
  return aws.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
}

export const bucketVersioning = bucketSetting({
  token: "aws:s3/bucketVersioning:BucketVersioning",
  what: "Versioning",
  inputs: ["versioningConfiguration", "expectedBucketOwner"],
  replaceOn: ["expectedBucketOwner"],
  async write(aws, bucket, inputs) {
    const status = wantedStatus(inputs);
    // A bucket that never had versioning is "Disabled"; there is no way back to it, and nothing to send for it.
    if (status === "Enabled" || status === "Suspended") return setVersioning(aws, bucket, status);
    const { Status } = await aws.s3.send(new GetBucketVersioningCommand({ Bucket: bucket }));
    if (Status) throw new Error(`status cannot go from ${Status} back to Disabled: use Suspended`);
  },
  async read(aws, bucket) {
    const { Status } = await aws.s3.send(new GetBucketVersioningCommand({ Bucket: bucket }));
    return { versioningConfiguration: { status: Status ?? "Disabled" } };
  },
  async remove(aws, bucket, state) {
    if (wantedStatus(state) === "Enabled") await setVersioning(aws, bucket, "Suspended");
  },
});

export const bucketPolicy = bucketSetting({
  token: "aws:s3/bucketPolicy:BucketPolicy",
  what: "Policy",
  inputs: ["policy"],
  documents: ["policy"],
  write: (aws, Bucket, { policy }) => aws.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: String(policy) })),
  async read(aws, Bucket) {
    const { Policy } = await aws.s3.send(new GetBucketPolicyCommand({ Bucket }));
    return { policy: Policy };
  },
  remove: (aws, Bucket) => aws.s3.send(new DeleteBucketPolicyCommand({ Bucket })),
});

export const bucketOwnershipControls = bucketSetting({
  token: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  what: "Ownership Controls",
  inputs: ["rule"],
  write(aws, Bucket, { rule }) {
    const ObjectOwnership = (isProps(rule) ? rule.objectOwnership : undefined) as ObjectOwnership;
    const OwnershipControls = { Rules: [{ ObjectOwnership }] };
    return aws.s3.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls }));
  },
  async read(aws, Bucket) {
    const { OwnershipControls } = await aws.s3.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    return { rule: { objectOwnership: OwnershipControls?.Rules?.[0]?.ObjectOwnership } };
  },
  remove: (aws, Bucket) => aws.s3.send(new DeleteBucketOwnershipControlsCommand({ Bucket })),
});
