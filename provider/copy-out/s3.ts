import { createHash } from "node:crypto";
import {
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import PQueue from "p-queue";
import { VastError } from "../api/errors.ts";
import type { Bucket, StoredObject } from "./bucket.ts";
import type { Binding } from "./inputs.ts";

const HEADS_AT_ONCE = 16;
const READS_AT_ONCE = 4;

export function openS3(binding: Pick<Binding, "bucket" | "region" | "endpoint">): Bucket {
  const client = new S3Client({
    region: binding.region,
    ...(binding.endpoint === undefined ? {} : { endpoint: binding.endpoint, forcePathStyle: true }),
  });
  const Bucket = binding.bucket;
  const explain = (error: unknown, doing: string): never => {
    const name = (error as Error).name;
    throw new VastError("blocked", `${doing} s3://${Bucket} failed: ${name}: ${(error as Error).message}`, {
      fix: "check that the AWS credentials of this shell (AWS_PROFILE, AWS_ACCESS_KEY_ID …) may list and read that bucket",
      cause: error,
    });
  };
  return {
    list: async (prefix) => {
      const objects: StoredObject[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await client
          .send(
            new ListObjectsV2Command({
              Bucket,
              Prefix: prefix,
              ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
            }),
          )
          .catch((error: unknown) => explain(error, "listing"));
        for (const object of page.Contents ?? [])
          if (object.Key !== undefined) objects.push({ key: object.Key, sizeBytes: object.Size ?? -1 });
        ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (ContinuationToken !== undefined);
      return objects;
    },
    mtimes: async (keys) => {
      const queue = new PQueue({ concurrency: HEADS_AT_ONCE });
      const found = await queue.addAll(
        keys.map((Key) => async (): Promise<[string, number | undefined]> => {
          const head = await client
            .send(new HeadObjectCommand({ Bucket, Key }))
            .catch((error: unknown) => explain(error, `reading ${Key} of`));
          const mtime = Number.parseFloat(head.Metadata?.mtime ?? "");
          return [Key, Number.isFinite(mtime) ? mtime : undefined];
        }),
      );
      return new Map(found);
    },
    sha256: async (keys) => {
      const queue = new PQueue({ concurrency: READS_AT_ONCE });
      const sumOf = async (Key: string): Promise<string> => {
        const head = await client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
        // The sum of a multipart upload's sums is of no use here.
        if (head.ChecksumSHA256 !== undefined && head.ChecksumType === "FULL_OBJECT")
          return Buffer.from(head.ChecksumSHA256, "base64").toString("hex");
        const object = await client.send(new GetObjectCommand({ Bucket, Key }));
        const hash = createHash("sha256");
        for await (const chunk of object.Body as AsyncIterable<Uint8Array>) hash.update(chunk);
        return hash.digest("hex");
      };
      const found = await queue.addAll(
        keys.map((Key) => async (): Promise<[string, string]> => {
          const sum = await sumOf(Key).catch((error: unknown) => explain(error, `reading ${Key} of`));
          return [Key, sum];
        }),
      );
      return new Map(found);
    },
    readText: async (Key) => {
      try {
        const object = await client.send(new GetObjectCommand({ Bucket, Key }));
        return (await object.Body?.transformToString()) ?? "";
      } catch (error) {
        if (error instanceof NoSuchKey || (error as Error).name === "NoSuchKey") return undefined;
        return explain(error, `reading ${Key} of`);
      }
    },
    writeJson: async (Key, value) => {
      await client
        .send(
          new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(value, null, 2), ContentType: "application/json" }),
        )
        .catch((error: unknown) => explain(error, `writing ${Key} to`));
    },
    isVersioned: async () => {
      const answer = await client
        .send(new GetBucketVersioningCommand({ Bucket }))
        .catch((error: unknown) => explain(error, "reading the versioning of"));
      return answer.Status === "Enabled";
    },
    assertUsable: async () => {
      await client.send(new HeadBucketCommand({ Bucket })).catch((error: unknown) => explain(error, "opening"));
      await client
        .send(new ListObjectsV2Command({ Bucket, MaxKeys: 1 }))
        .catch((error: unknown) => explain(error, "listing"));
    },
  };
}
