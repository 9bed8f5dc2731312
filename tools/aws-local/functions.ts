import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { type Aws, bucketExists, step } from "./aws.ts";
import { bucketAttributes } from "./buckets.ts";
import { policyDocument } from "./policy-document.ts";
import type { Props } from "./wire.ts";

export const functions: Record<string, (aws: Aws, args: Props) => Promise<Props>> = {
  "aws:s3/getBucket:getBucket": async (aws, args) => {
    const name = String(args.bucket);
    if (!(await step(`reading S3 Bucket (${name})`, () => bucketExists(aws, name)))) {
      throw new Error(`reading S3 Bucket (${name}): couldn't find resource`);
    }
    return bucketAttributes(aws, name);
  },

  "aws:s3/getBuckets:getBuckets": async (aws, { prefix, maxBuckets }) => {
    const { Buckets = [] } = await step("listing S3 Buckets", () =>
      aws.s3.send(new ListBucketsCommand({ Prefix: prefix as string, MaxBuckets: maxBuckets as number })),
    );
    const buckets = Buckets.map(({ Name, CreationDate }) => ({
      name: Name,
      arn: `arn:aws:s3:::${Name}`,
      bucketRegion: aws.region,
      creationDate: CreationDate?.toISOString(),
    }));
    return { buckets, prefix, maxBuckets, region: aws.region };
  },

  "aws:index/getCallerIdentity:getCallerIdentity": async (aws) => {
    const { Account, Arn, UserId } = await step("reading STS Caller Identity", () =>
      aws.sts.send(new GetCallerIdentityCommand({})),
    );
    return { id: Account, accountId: Account, arn: Arn, userId: UserId };
  },

  "aws:index/getRegion:getRegion": async ({ region }) => ({
    id: region,
    region,
    name: region,
    description: "local stand-in",
    endpoint: `ec2.${region}.amazonaws.com`,
  }),

  "aws:index/getPartition:getPartition": async () => ({
    id: "aws",
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),

  "aws:iam/getPolicyDocument:getPolicyDocument": async (_aws, args) => policyDocument(args),
};
