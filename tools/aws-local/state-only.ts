import { bucketExists, step } from "./aws.ts";
import type { ResourceType } from "./resource.ts";

const SETTINGS = {
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "public access block",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "server-side encryption",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "lifecycle",
};

export const STATE_ONLY_NOTICE = `AWS stand-in: the local S3 server has no ${Object.values(SETTINGS).join(", ")}; these bucket settings are kept in the Pulumi state only.`;

/** Settings that the S3 server answers with NotImplemented: recorded, and bound to a bucket that must exist. */
export const stateOnlyTypes: ResourceType[] = Object.entries(SETTINGS).map(([token, what]) => ({
  token,
  inputs: "any",
  replaceOn: ["bucket", "expectedBucketOwner", "region"],
  async create(aws, inputs) {
    const id = String(inputs.bucket);
    const exists = await step(`creating S3 Bucket ${what} (${id})`, () => bucketExists(aws, id));
    if (!exists)
      throw new Error(`creating S3 Bucket ${what} (${id}): NoSuchBucket: The specified bucket does not exist`);
    const { __defaults, ...outputs } = inputs;
    return { id, outputs: { region: aws.region, ...outputs } };
  },
  async read(aws, id, state, inputs) {
    if (!(await step(`reading S3 Bucket ${what} (${id})`, () => bucketExists(aws, id)))) return undefined;
    if (Object.keys(inputs).length === 0) {
      throw new Error(`The local S3 server has no ${what}: that of bucket ${id} cannot be imported.`);
    }
    return { outputs: state, inputs };
  },
  async update(aws, _id, _state, inputs) {
    const { __defaults, ...outputs } = inputs;
    return { region: aws.region, ...outputs };
  },
  async delete() {},
}));
