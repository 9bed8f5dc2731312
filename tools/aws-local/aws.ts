import { IAMClient } from "@aws-sdk/client-iam";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { STSClient } from "@aws-sdk/client-sts";
import type { Config } from "./config.ts";

/** The real AWS clients, bound to the local servers and to the keys of the configuration: no profile, no role. */
export class Aws {
  readonly config: Config;
  readonly s3: S3Client;
  #iam: IAMClient | undefined;
  #sts: STSClient | undefined;

  constructor(config: Config) {
    this.config = config;
    this.s3 = new S3Client({ ...this.#common(config.endpoints.s3), forcePathStyle: true });
  }

  get region(): string {
    return this.config.region;
  }

  get iam(): IAMClient {
    this.#iam ??= new IAMClient(this.#common(required(this.config.endpoints.iam, "iam", "AWS_ENDPOINT_URL_IAM")));
    return this.#iam;
  }

  get sts(): STSClient {
    this.#sts ??= new STSClient(this.#common(required(this.config.endpoints.sts, "sts", "AWS_ENDPOINT_URL_STS")));
    return this.#sts;
  }

  /** Tags of the stack (aws:defaultTags) and of the resource, the way AWS will show them. */
  allTags(tags: unknown): Record<string, string> {
    return { ...this.config.defaultTags, ...((tags ?? {}) as Record<string, string>) };
  }

  /** What a read shows as the resource's own tags: those that the stack does not put on everything. */
  ownTags(live: Record<string, string>): Record<string, string> {
    return Object.fromEntries(Object.entries(live).filter(([key, value]) => this.config.defaultTags[key] !== value));
  }

  #common(endpoint: string) {
    const { region, accessKeyId, secretAccessKey } = this.config;
    return { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
  }
}

function required(endpoint: string | undefined, service: string, variable: string): string {
  if (endpoint) return endpoint;
  throw new Error(`No endpoint for ${service} is set (aws:endpoints with ${service}, or ${variable}).`);
}

/**
 * Asked of the list, not with a HEAD: a HEAD has no body, so a server that is no S3 server (404 too) or keys that
 * are wrong could not be told from a bucket that is gone, and the engine would drop it from the state.
 */
export async function bucketExists(aws: Aws, bucket: string): Promise<boolean> {
  const { Buckets = [] } = await aws.s3.send(new ListBucketsCommand({ Prefix: bucket }));
  return Buckets.some(({ Name }) => Name === bucket);
}

/** The server's own word for "gone". The status alone is none: whatever else listens on the port may answer 404. */
const MISSING = new Set([
  "NoSuchBucket",
  "NoSuchBucketPolicy",
  "NoSuchEntityException",
  "NoSuchKey",
  "NoSuchTagSet",
  "OwnershipControlsNotFoundError",
]);

export function isMissing(error: unknown): boolean {
  return MISSING.has((error as { name?: string }).name ?? "");
}

/** Runs one step and, when it fails, says which in the words of the real plugin. */
export async function step<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new Error(`${what}: ${reason(error)}`, { cause: error });
  }
}

/** As step, for what may be gone already. */
export async function removal(what: string, run: () => Promise<unknown>): Promise<void> {
  await step(what, () => run().catch((error) => (isMissing(error) ? undefined : Promise.reject(error))));
}

function reason(error: unknown): string {
  const { name, message, code } = error as { name?: string; message?: string; code?: string };
  if (code === "ECONNREFUSED") return 'the local S3 server does not answer: is "npm run local" running?';
  return name && name !== "Error" ? `${name}: ${message}` : String(message ?? error);
}
