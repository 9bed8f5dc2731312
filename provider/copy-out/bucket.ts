import type { Binding } from "./inputs.ts";

export interface StoredObject {
  key: string;
  sizeBytes: number;
}

/** The bucket side of a copy-out, with the caller's own AWS credentials (the SDK's default chain), never Vast's. */
export interface Bucket {
  list(prefix: string): Promise<StoredObject[]>;
  /** Modification time that the copy tool kept (rclone: `x-amz-meta-mtime`), epoch seconds; undefined when it kept none. */
  mtimes(keys: readonly string[]): Promise<Map<string, number | undefined>>;
  /** SHA-256 in hexadecimal: the store's own where it keeps one of the whole object, else of the bytes as they are read. */
  sha256(keys: readonly string[]): Promise<Map<string, string>>;
  /** An object's text; undefined when there is none. */
  readText(key: string): Promise<string | undefined>;
  writeJson(key: string, value: unknown): Promise<void>;
  /** @throws VastError when the bucket is missing or not ours to list */
  assertUsable(): Promise<void>;
  isVersioned(): Promise<boolean>;
}

/** The AWS SDK is loaded by the first call: a run that opens no bucket starts a fifth sooner. */
export function openBucket(binding: Pick<Binding, "bucket" | "region" | "endpoint">): Bucket {
  let opened: Promise<Bucket> | undefined;
  const s3 = () => (opened ??= import("./s3.ts").then(({ openS3 }) => openS3(binding)));
  return {
    list: async (prefix) => (await s3()).list(prefix),
    mtimes: async (keys) => (await s3()).mtimes(keys),
    sha256: async (keys) => (await s3()).sha256(keys),
    readText: async (key) => (await s3()).readText(key),
    writeJson: async (key, value) => (await s3()).writeJson(key, value),
    assertUsable: async () => (await s3()).assertUsable(),
    isVersioned: async () => (await s3()).isVersioned(),
  };
}
