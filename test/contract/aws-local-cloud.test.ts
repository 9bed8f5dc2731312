import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AWS_STAND_IN, type LocalCloud, startLocal } from "../../tools/local.ts";

let dir: string;
const running: LocalCloud[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "local-test-"));
});

afterEach(async () => {
  for (const local of running.splice(0)) await local.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(options: { vastPort?: number } = {}): Promise<LocalCloud> {
  const local = await startLocal({ dir, seed: 1, speed: 60, credit: 12, ...options });
  running.push(local);
  return local;
}

const ask = ({ vastUrl }: LocalCloud, key: string) =>
  fetch(`${vastUrl}/api/v0/users/current/`, { headers: { authorization: `Bearer ${key}` } });

test("a Vast.ai with the credit asked for and an S3 answer, until they are stopped", async () => {
  const local = await start();
  const user = await ask(local, local.vastApiKey);
  expect(await user.json()).toMatchObject({ credit: 12 });
  expect(await local.admin("GET", "/admin/instances?all=1")).toEqual([]);

  await local.stop();

  await local.ended;
  await expect(ask(local, local.vastApiKey)).rejects.toThrow();
  await expect(fetch(local.s3.url)).rejects.toThrow();
});

test("the environment for pulumi puts the AWS stand-in first and names the servers", async () => {
  const { env, s3, vastApiKey } = await start();

  expect(env.PATH?.split(delimiter)[0]).toBe(AWS_STAND_IN);
  expect(env).toMatchObject({
    VAST_API_KEY: vastApiKey,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_IAM: s3.iamUrl,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_PROFILE: "",
    PULUMI_BACKEND_URL: `file://${join(dir, "state")}`,
  });
});

test("a simulator that cannot start is an error that says why, and leaves no S3 server behind", async () => {
  const { vastUrl } = await start();

  await expect(start({ vastPort: Number(new URL(vastUrl).port) })).rejects.toThrow(
    /simulator did not start: .*EADDRINUSE/s,
  );
});

test("an admin request that is refused is an error with the simulator's answer", async () => {
  const local = await start();

  await expect(local.admin("GET", "/admin/nothing")).rejects.toThrow("there is no admin route GET /admin/nothing");
});
