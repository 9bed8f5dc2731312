import { createHash } from "node:crypto";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { REGION, ROOT } from "../../tools/s3.ts";

export interface ObjectSeen {
  key: string;
  size: number;
  sha256: string;
  /** Of the provider's own records. */
  text?: string;
}

/** The bucket of one run, looked at with a client of our own. */
export class RunBucket {
  readonly url: string;
  readonly name: string;
  readonly region = REGION;
  readonly #client: S3Client;

  constructor(url: string, name: string) {
    this.url = url;
    this.name = name;
    this.#client = new S3Client({ endpoint: url, region: REGION, forcePathStyle: true, credentials: ROOT });
  }

  async make(): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: this.name }));
  }

  async objects(): Promise<ObjectSeen[]> {
    const listed = await this.#client.send(new ListObjectsV2Command({ Bucket: this.name }));
    const found: ObjectSeen[] = [];
    for (const { Key } of listed.Contents ?? []) {
      const object = await this.#client.send(new GetObjectCommand({ Bucket: this.name, Key }));
      const bytes = (await object.Body?.transformToByteArray()) ?? new Uint8Array();
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const isRecord = Key?.includes("/.pulumi-vast/");
      found.push({
        key: Key ?? "",
        size: bytes.length,
        sha256,
        ...(isRecord ? { text: Buffer.from(bytes).toString() } : {}),
      });
    }
    return found;
  }

  close(): void {
    this.#client.destroy();
  }
}
