import { readFile } from "node:fs/promises";
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { type Aws, bucketExists, removal, step } from "./aws.ts";
import { objectVersions } from "./object-versions.ts";
import type { ResourceType } from "./resource.ts";
import { isAsset, type Props } from "./wire.ts";

/** BucketObject and its second edition BucketObjectv2: the part of them that both have. */
function bucketObject(token: string): ResourceType {
  return {
    token,
    inputs: [
      "bucket",
      "key",
      "content",
      "contentBase64",
      "source",
      "contentType",
      "metadata",
      "forceDestroy",
      "region",
    ],
    replaceOn: ["bucket", "key", "region"],
    autoName: { property: "key", maxLength: 1024, verbatim: true },
    defaults: { forceDestroy: false },

    async create(aws, inputs) {
      const key = String(inputs.key);
      return { id: key, outputs: await put(aws, { ...inputs, key }) };
    },

    async read(aws, id, state, inputs) {
      return step(`reading S3 Object (${id})`, async () => {
        const Bucket = String(state.bucket);
        if (!(await bucketExists(aws, Bucket))) return undefined;
        try {
          const { ETag, ContentType, VersionId } = await aws.s3.send(new HeadObjectCommand({ Bucket, Key: id }));
          const live = { etag: ETag?.replaceAll('"', ""), contentType: ContentType, versionId: VersionId };
          return { inputs, outputs: { ...state, ...live } };
        } catch (error) {
          // A HEAD answers without a word of the server; that it is an S3 server was shown just now.
          if ((error as Error).name === "NotFound") return undefined;
          throw error;
        }
      });
    },

    update: (aws, id, _state, inputs) => put(aws, { ...inputs, key: id }),

    async delete(aws, id, state) {
      const Bucket = String(state.bucket);
      await removal(`deleting S3 Object (${id})`, async () => {
        await aws.s3.send(new DeleteObjectCommand({ Bucket, Key: id }));
        // As the real plugin: with versioning, all versions go, and the bucket can be deleted after them.
        for await (const versions of objectVersions(aws, Bucket, id)) {
          for (const { Key, VersionId } of versions) {
            if (Key === id) await aws.s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
          }
        }
      });
    },
  };
}

export const bucketObjects = ["aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2"].map(
  bucketObject,
);

async function put(aws: Aws, inputs: Props): Promise<Props> {
  const { bucket, key, contentType, metadata } = inputs;
  const response = await step(`putting S3 Object (${key})`, async () =>
    aws.s3.send(
      new PutObjectCommand({
        Bucket: String(bucket),
        Key: String(key),
        Body: await body(inputs),
        ContentType: (contentType as string) ?? "application/octet-stream",
        Metadata: metadata as Record<string, string>,
      }),
    ),
  );
  const { __defaults, ...given } = inputs;
  return {
    contentType: "application/octet-stream",
    ...given,
    arn: `arn:aws:s3:::${bucket}/${key}`,
    etag: response.ETag?.replaceAll('"', ""),
    versionId: response.VersionId,
    region: aws.region,
  };
}

async function body({ content, contentBase64, source }: Props): Promise<Buffer> {
  if (typeof content === "string") return Buffer.from(content);
  if (typeof contentBase64 === "string") return Buffer.from(contentBase64, "base64");
  if (isAsset(source)) {
    if (typeof source.text === "string") return Buffer.from(source.text);
    if (typeof source.path === "string") return readFile(source.path);
    throw new Error("the local AWS stand-in takes file and string assets only");
  }
  return Buffer.alloc(0);
}
