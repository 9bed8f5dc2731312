import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { StorageConfig } from "./config.ts";

export interface Storage {
  bucket: aws.s3.Bucket;
  accessKey: aws.iam.AccessKey;
  /** Named after the key, so that a connection with an older, deleted key is never taken for the right one. */
  connectionName: pulumi.Output<string>;
  region: string;
  /** Only for stores that are not AWS. */
  endpoint: string | undefined;
  /** All of it must be there before anything is copied, and stay until the last instance is gone. */
  ready: pulumi.Resource[];
}

const NONCURRENT_DAYS = 90;
const ABANDONED_UPLOAD_DAYS = 7;

/**
 * The bucket that keeps results, its settings, and a key for the Vast cloud connection that can do nothing but use the
 * prefix. Bucket and settings outlive a destroy; the next up takes the same bucket up again.
 */
export async function createStorage(config: StorageConfig): Promise<Storage> {
  const awsConfig = new pulumi.Config("aws");
  const region = awsConfig.require("region");
  const endpoint = awsConfig.getObject<{ s3?: string }[]>("endpoints")?.find((entry) => entry.s3)?.s3;
  const name = config.bucket ?? (await defaultBucketName(region));
  const exists = await bucketExists(name, region, endpoint);
  const kept: pulumi.CustomResourceOptions = { retainOnDelete: true };
  const bucket = new aws.s3.Bucket(
    "results",
    { bucket: name, forceDestroy: false },
    { ...kept, ...(exists ? { import: name } : {}) },
  );
  const settings = keepSafe(bucket, { ...kept, parent: bucket });
  const user = new aws.iam.User("vast-cloud-sync", { name: `${name}-vast`.slice(0, 64) });
  const policy = new aws.iam.UserPolicy("vast-cloud-sync", {
    user: user.name,
    policy: prefixPolicy(bucket.arn, config.prefix),
  });
  const accessKey = new aws.iam.AccessKey("vast-cloud-sync", { user: user.name }, { dependsOn: policy });
  const connectionName = accessKey.id.apply((id) => `${pulumi.getStack()}-${id.slice(-6)}`);
  return { bucket, accessKey, connectionName, region, endpoint, ready: [bucket, ...settings, policy, accessKey] };
}

async function defaultBucketName(region: string): Promise<string> {
  const { accountId } = await aws.getCallerIdentity();
  return `${pulumi.getProject()}-${pulumi.getStack()}-${accountId}-${region}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, 63);
}

/** Missing is missing only when S3 says so: a refusal may hide somebody else's bucket of that name. */
async function bucketExists(name: string, region: string, endpoint: string | undefined): Promise<boolean> {
  const client = new S3Client({ region, ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }) });
  try {
    await client.send(new HeadBucketCommand({ Bucket: name }));
    return true;
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status === 404) return false;
    throw new pulumi.RunError(
      `bucket ${name} cannot be looked at (${(error as Error).name}${status === undefined ? "" : `, HTTP ${status}`}): check the AWS credentials, or choose another name in config pulumi-vast:storage.bucket`,
    );
  }
}

function keepSafe(bucket: aws.s3.Bucket, opts: pulumi.CustomResourceOptions): pulumi.Resource[] {
  const versioning = new aws.s3.BucketVersioning(
    "results",
    { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } },
    opts,
  );
  return [
    versioning,
    new aws.s3.BucketServerSideEncryptionConfiguration(
      "results",
      {
        bucket: bucket.bucket,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: false }],
      },
      opts,
    ),
    new aws.s3.BucketPublicAccessBlock(
      "results",
      {
        bucket: bucket.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      opts,
    ),
    // Current versions never expire: results are what all of this is for.
    new aws.s3.BucketLifecycleConfiguration(
      "results",
      {
        bucket: bucket.bucket,
        rules: [
          {
            id: "old-versions",
            status: "Enabled",
            filter: { prefix: "" },
            noncurrentVersionExpiration: { noncurrentDays: NONCURRENT_DAYS },
            abortIncompleteMultipartUpload: { daysAfterInitiation: ABANDONED_UPLOAD_DAYS },
          },
        ],
      },
      { ...opts, dependsOn: versioning },
    ),
  ];
}

/** List, read and write below the prefix; no delete, nothing else in the bucket, nothing else in the account. */
function prefixPolicy(bucketArn: pulumi.Output<string>, prefix: string): pulumi.Output<string> {
  return bucketArn.apply((arn) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: ["s3:ListBucket"],
          Resource: arn,
          Condition: { StringLike: { "s3:prefix": [prefix, `${prefix}/*`] } },
        },
        { Effect: "Allow", Action: ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], Resource: arn },
        {
          Effect: "Allow",
          Action: ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
          Resource: `${arn}/${prefix}/*`,
        },
      ],
    }),
  );
}
