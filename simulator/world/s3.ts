import { createReadStream, createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GetObjectCommand, HeadObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { Connection } from "./types.ts";

export interface RemoteObject {
  key: string;
  size: number;
  lastModified: number;
}

/** The S3 side of a copy, with the connection's own credentials. */
export class Bucket {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(connection: Connection, bucket: string) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      endpoint: connection.endpoint,
      region: connection.region,
      forcePathStyle: connection.forcePathStyle,
      credentials: { accessKeyId: connection.accessKeyId, secretAccessKey: connection.secretAccessKey },
      maxAttempts: 2,
    });
  }

  async list(prefix: string, abort: AbortSignal): Promise<RemoteObject[]> {
    const found: RemoteObject[] = [];
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix });
    for await (const page of pages) {
      abort.throwIfAborted();
      for (const item of page.Contents ?? []) {
        if (item.Key === undefined) continue;
        const lastModified = (item.LastModified?.getTime() ?? 0) / 1000;
        found.push({ key: item.Key, size: item.Size ?? 0, lastModified });
      }
    }
    return found;
  }

  /** Modification time as rclone keeps it in the object's metadata; undefined where it is missing. */
  async mtime(key: string, abort: AbortSignal): Promise<string | undefined> {
    const head = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }), {
      abortSignal: abort,
    });
    return head.Metadata?.mtime;
  }

  async put(key: string, file: string, mtime: string, abort: AbortSignal): Promise<void> {
    const upload = new Upload({
      client: this.#client,
      params: { Bucket: this.#bucket, Key: key, Body: createReadStream(file), Metadata: { mtime } },
      partSize: 16 * 1024 * 1024,
      queueSize: 2,
    });
    const stop = () => void upload.abort();
    abort.addEventListener("abort", stop, { once: true });
    try {
      await upload.done();
    } finally {
      abort.removeEventListener("abort", stop);
    }
  }

  async get(key: string, file: string, abort: AbortSignal): Promise<string | undefined> {
    const object = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }), {
      abortSignal: abort,
    });
    await mkdir(dirname(file), { recursive: true });
    await pipeline(object.Body as Readable, createWriteStream(file), { signal: abort });
    return object.Metadata?.mtime;
  }

  close(): void {
    this.#client.destroy();
  }
}

/** rclone's text for a time: seconds with up to nine decimals, trailing zeros cut. */
export function rcloneMtime(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = (nanoseconds % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return fraction === "" ? String(seconds) : `${seconds}.${fraction}`;
}
