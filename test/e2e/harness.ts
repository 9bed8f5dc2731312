import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { type LocalCloud, startLocal } from "../../tools/local.ts";
import { type Finished, type FleetSettings, type LocalStack, openStack, type RunOptions } from "../../tools/stack.ts";

/** The real engine with the checkout's program, on a Vast.ai and an S3 of its own. */
export interface Scene extends AsyncDisposable {
  dir: string;
  local: LocalCloud;
  stack: LocalStack;
}

export interface SimInstance {
  id: number;
  label: string;
  env: [name: string, value: string][];
  destroyedAt: number | null;
  everRan: boolean;
  dir: string;
  filesAtDestroy: { path: string; size: number; sha256: string }[];
}

const SPEED = 240;

export async function openScene(
  fleets: Record<string, FleetSettings>,
  options: { seed?: number; speed?: number } = {},
): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), "pulumi-vast-e2e-"));
  const speed = options.speed ?? SPEED;
  const local = await startLocal({ dir, seed: options.seed ?? 11, speed });
  const stack = await openStack({ local, dir, name: "e2e", speed, fleets });
  return {
    dir,
    local,
    stack,
    [Symbol.asyncDispose]: async () => {
      await local.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The two ups of a new stack, with the step in the Vast console between them. */
export async function upWithConnection({ stack }: Scene): Promise<void> {
  const first = await stack.pulumi(["up", "--yes", "--skip-preview"]);
  expect(first.all).toContain("no cloud connection");
  await stack.connectInConsole();
  await ok(stack, ["up", "--yes", "--skip-preview"]);
}

export async function ok(stack: LocalStack, args: string[], options?: RunOptions): Promise<Finished> {
  const result = await stack.pulumi(args, options);
  expect(result.exitCode, result.all).toBe(0);
  return result;
}

export async function instances({ local }: Scene): Promise<SimInstance[]> {
  return local.admin<SimInstance[]>("GET", "/admin/instances?all=1");
}

export async function living(scene: Scene): Promise<SimInstance[]> {
  return (await instances(scene)).filter((instance) => instance.destroyedAt === null);
}

/** As another program with the same key would. */
export async function callVast({ local }: Scene, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${local.vastUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${local.vastApiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.json();
}

/** Conditions, not clocks: looks again until it holds or the test's own time is over. */
export async function until<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await probe();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const REQUESTS_OF_RENTALS = "PUT /api/v0/asks/{id}/";

/** Accepted rentals, from the simulator's own request log. */
export async function rentals(local: LocalCloud): Promise<{ route: string; status: number }[]> {
  const requests = await local.admin<{ route: string; status: number }[]>("GET", "/admin/requests");
  return requests.filter((request) => request.route === REQUESTS_OF_RENTALS && request.status === 200);
}

export async function storedKeys({ local, stack }: Scene): Promise<string[]> {
  const client = new S3Client({
    endpoint: local.s3.url,
    region: local.s3.region,
    forcePathStyle: true,
    credentials: local.s3,
  });
  const Bucket = `pulumi-vast-${stack.name}-000000000000-${local.s3.region}`;
  const listed = await client.send(new ListObjectsV2Command({ Bucket }));
  return (listed.Contents ?? []).map((object) => object.Key ?? "");
}
