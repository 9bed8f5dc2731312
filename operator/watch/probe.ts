import { execa } from "execa";
import { VastError } from "pulumi-vast/internal/api/errors";
import { openBucket } from "pulumi-vast/internal/copy-out/bucket";
import type { Probe } from "./settings.ts";

const WITHIN_MS = 60_000;

/**
 * What a worker needs before it is worth anything has to be there, or nothing is rented.
 * @throws VastError saying what is missing
 */
export async function bootstrapCheck(probe: Probe, region: string): Promise<string> {
  if ("s3" in probe) return s3Check(probe.s3, region, probe.endpoint);
  if ("url" in probe) return urlCheck(probe.url);
  const [program = "", ...args] = probe.command;
  const result = await execa(program, args, { timeout: WITHIN_MS, reject: false, all: true, stdin: "ignore" });
  if (result.exitCode === 0) return `${program} agrees`;
  throw missing(
    `${probe.command.join(" ")} ended with ${result.exitCode ?? "no exit code"}: ${result.all?.trim().slice(0, 300) ?? ""}`,
  );
}

async function s3Check(url: string, region: string, endpoint: string | undefined): Promise<string> {
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url) ?? [];
  const objects = await openBucket({ bucket, region, endpoint }).list(key);
  if (objects.some((object) => object.key === key)) return `${url} is there`;
  throw missing(`there is no object ${url}`);
}

async function urlCheck(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(WITHIN_MS) }).catch((error: Error) => {
    throw missing(`${url} cannot be reached: ${error.message}`);
  });
  await answer.body?.cancel();
  if (answer.ok) return `${url} answers`;
  throw missing(`${url} answers HTTP ${answer.status}`);
}

function missing(what: string): VastError {
  return new VastError("blocked", `bootstrap check: ${what}; nothing was rented`, {
    fix: "put it right, or change `probe` in pulumi-vast:watch",
  });
}
