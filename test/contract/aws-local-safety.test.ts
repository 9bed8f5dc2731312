import { spawn } from "node:child_process";
import { on, once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isLoopback, readConfig } from "../../tools/aws-local/config.ts";
import { type AwsPlugin, EXECUTABLE, startAwsPlugin } from "../support/aws-plugin.ts";

const KEYS = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret", AWS_REGION: "us-east-1" };
const LOCAL = { ...KEYS, AWS_ENDPOINT_URL_S3: "http://127.0.0.1:7973" };

const plugins: AwsPlugin[] = [];
afterEach(async () => {
  for (const plugin of plugins.splice(0)) await plugin.stop();
});

async function start(env: Record<string, string>): Promise<AwsPlugin> {
  const plugin = await startAwsPlugin(env);
  plugins.push(plugin);
  return plugin;
}

describe("the AWS stand-in works on this machine only", () => {
  test.each([
    ["http://127.0.0.1:7973", true],
    ["https://localhost", true],
    ["http://[::1]:7973", true],
    ["http://0x7f.1:7973", true],
    ["https://s3.amazonaws.com", false],
    ["http://127.0.0.1:80@example.com", false],
    ["http://127.0.0.1.example.com", false],
    ["http://localhost.example.com", false],
    ["http://0.0.0.0:7973", false],
    ["http://10.0.0.1:7973", false],
    ["ftp://127.0.0.1", false],
    ["127.0.0.1:7973", false],
  ])("%s counts as this machine: %s", (url, expected) => {
    expect(isLoopback(url)).toBe(expected);
  });

  test.each([
    ["no endpoint at all", {}, KEYS, "No S3 endpoint is set"],
    [
      "an S3 endpoint elsewhere",
      { endpoints: '[{"s3":"https://s3.amazonaws.com"}]' },
      KEYS,
      "https://s3.amazonaws.com",
    ],
    [
      "config that overrides a local environment",
      { endpoints: [{ s3: "https://s3.amazonaws.com" }] },
      LOCAL,
      "s3.amazonaws",
    ],
    ["one of several endpoints elsewhere", { endpoints: '[{"iam":"https://iam.amazonaws.com"}]' }, LOCAL, "of iam is"],
    [
      "an endpoint elsewhere in the environment",
      {},
      { ...LOCAL, AWS_ENDPOINT_URL_STS: "https://sts.amazonaws.com" },
      "sts",
    ],
    ["a profile of a real account", { profile: "work" }, LOCAL, "aws:profile is set"],
    [
      "a role of a real account",
      { assumeRoles: '[{"roleArn":"arn:aws:iam::1:role/r"}]' },
      LOCAL,
      "aws:assumeRoles is set",
    ],
    ["no key", {}, { ...LOCAL, AWS_ACCESS_KEY_ID: undefined }, "AWS_ACCESS_KEY_ID"],
    ["no region", {}, { ...LOCAL, AWS_REGION: undefined }, "aws:region"],
  ])("%s is refused", (_what, settings, env, reason) => {
    const read = () => readConfig(settings, env, "7.0.0");

    expect(read).toThrow(reason);
    expect(read).toThrow("local stand-in");
    expect(read).toThrow("pulumi plugin install resource aws 7.0.0");
  });

  test("a login in an endpoint is not repeated in the refusal", () => {
    const settings = { endpoints: [{ s3: "https://user:hunter2@example.com" }] };

    expect(() => readConfig(settings, KEYS, "7.0.0")).toThrow(/^(?!.*hunter2).*example\.com/);
  });

  test("the engine is told before anything is done, at the check and at the configuration", async () => {
    const plugin = await start(KEYS);
    const settings = { endpoints: '[{"s3":"https://s3.amazonaws.com"}]' };

    expect(await plugin.checkConfig(settings)).toEqual([expect.stringContaining("not a loopback address")]);
    await expect(plugin.configure(settings)).rejects.toThrow("not a loopback address");
    await expect(plugin.create("aws:s3/bucket:Bucket", { bucket: "b" })).rejects.toThrow("before it was configured");
  });
});

test.each([
  ["aws:s3/bucket:Bucket", "b"],
  ["aws:s3/bucketVersioning:BucketVersioning", "b"],
  ["aws:s3/bucketPolicy:BucketPolicy", "b"],
  ["aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "b"],
  ["aws:s3/bucketObjectv2:BucketObjectv2", "key"],
  ["aws:iam/user:User", "u"],
  ["aws:iam/userPolicy:UserPolicy", "u:p"],
  ["aws:iam/policy:Policy", "arn:aws:iam::0:policy/p"],
  ["aws:iam/userPolicyAttachment:UserPolicyAttachment", "u/arn:aws:iam::0:policy/p"],
  ["aws:iam/accessKey:AccessKey", "AKIA"],
])("a server that answers 404 to everything is no proof that %s is gone", async (type, id) => {
  const server = createServer((_request, response) => response.writeHead(404).end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const plugin = await start({ ...KEYS, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
    await plugin.configure();

    await expect(plugin.read(type, id, { bucket: "b", user: "u" }, { bucket: "b" })).rejects.toThrow("reading ");
  } finally {
    server.close();
  }
});

test("the plugin ends when the engine that started it is killed", async () => {
  const script = `
    const plugin = require("node:child_process").spawn(process.argv[1], [], { stdio: ["ignore", "inherit", "ignore"] });
    console.log(plugin.pid);
  `;
  const engine = spawn("node", ["-e", script, EXECUTABLE], { stdio: ["ignore", "pipe", "ignore"] });
  const lines = on(createInterface(engine.stdout), "line");
  const next = async () => String((await lines.next()).value);
  const pid = Number(await next());
  // Its port: from then on it serves.
  expect(Number(await next())).toBeGreaterThan(0);
  expect(isAlive(pid)).toBe(true);

  engine.kill("SIGKILL");

  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 50_000, interval: 100 });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
