import { VastError } from "pulumi-vast/internal/api/errors";
import type { QueueSource } from "./policy.ts";

/** A queue that does not answer by then says nothing: wall milliseconds. */
const ANSWER_WITHIN_MS = 15_000;

/**
 * How much is queued.
 * @throws VastError saying what the queue answered; never a number that it did not say
 */
export async function queueDepth(source: QueueSource): Promise<number> {
  if ("sqs" in source) return sqsDepth(source);
  if ("redis" in source) return redisDepth(source);
  return httpDepth(source);
}

/** For messages: without the password that an address may carry. */
export function nameOf(source: QueueSource): string {
  const url = new URL("sqs" in source ? source.sqs : "redis" in source ? source.redis : source.http);
  url.username = "";
  url.password = "";
  url.search = "";
  return "redis" in source ? `${url} ${source.key}` : url.href;
}

async function sqsDepth({ sqs, region }: Extract<QueueSource, { sqs: string }>): Promise<number> {
  const { GetQueueAttributesCommand, SQSClient } = await import("@aws-sdk/client-sqs");
  const client = new SQSClient({ ...regionOf(sqs, region), useQueueUrlAsEndpoint: true, maxAttempts: 3 });
  try {
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: sqs, AttributeNames: ["ApproximateNumberOfMessages"] }),
      { abortSignal: AbortSignal.timeout(ANSWER_WITHIN_MS) },
    );
    return depthFrom({ sqs }, Attributes?.ApproximateNumberOfMessages);
  } catch (error) {
    throw silent({ sqs }, error);
  } finally {
    client.destroy();
  }
}

/** The URL of an AWS queue says its region; any other needs one named, or the environment's. */
function regionOf(url: string, region: string | undefined): { region?: string } {
  const named = region ?? /^sqs\.([a-z0-9-]+)\.amazonaws\.com/.exec(new URL(url).hostname)?.[1];
  return named === undefined ? {} : { region: named };
}

type RedisSource = Extract<QueueSource, { redis: string }>;

async function redisDepth(source: RedisSource): Promise<number> {
  const { createClient } = await import("@redis/client");
  const client = createClient({
    url: source.redis,
    socket: { connectTimeout: ANSWER_WITHIN_MS, socketTimeout: ANSWER_WITHIN_MS, reconnectStrategy: false },
    disableOfflineQueue: true,
  });
  // Without a listener the client throws into the void; connect and the commands reject with the same.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const lengths: Record<string, () => Promise<unknown>> = {
      none: async () => 0,
      list: () => client.lLen(source.key),
      stream: () => client.xLen(source.key),
      set: () => client.sCard(source.key),
      zset: () => client.zCard(source.key),
      string: () => client.get(source.key),
    };
    const type = await client.type(source.key);
    return depthFrom(source, await lengths[type]?.());
  } catch (error) {
    throw silent(source, error);
  } finally {
    client.destroy();
  }
}

async function httpDepth(source: Extract<QueueSource, { http: string }>): Promise<number> {
  let answer: unknown;
  try {
    const response = await fetch(source.http, {
      headers: { accept: "application/json", ...source.headers },
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    answer = await response.json();
  } catch (error) {
    throw silent(source, error);
  }
  const found = source.path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined | null)?.[key], answer);
  return depthFrom(source, found);
}

function depthFrom(source: QueueSource, value: unknown): number {
  const isNumber = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
  const depth = isNumber ? Number(value) : Number.NaN;
  if (Number.isFinite(depth) && depth >= 0) return depth;
  throw new VastError("unexpected", `${nameOf(source)} says no depth, but ${JSON.stringify(value) ?? "nothing"}`, {
    fix: "see `queue` of the fleet in stacks/autoscale.yaml",
  });
}

function silent(source: QueueSource, error: unknown): VastError {
  if (error instanceof VastError) return error;
  return new VastError("unreachable", `${nameOf(source)} does not say its depth: ${(error as Error).message}`, {
    cause: error,
    fix: "demand changes nothing until it answers; the budgets go on",
  });
}
