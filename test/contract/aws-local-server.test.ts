import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type S3Server, startS3Server } from "../../tools/s3.ts";

let dir: string;
const running: S3Server[] = [];
const parents: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "s3-test-"));
});

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  for (const parent of parents.splice(0)) parent.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof startS3Server>[0]> = {}): Promise<S3Server> {
  const server = await startS3Server({ dir, ...options });
  running.push(server);
  return server;
}

function clientOf({ url, region, accessKeyId, secretAccessKey }: S3Server): S3Client {
  return new S3Client({ endpoint: url, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
}

// The IAM server sends a browser to its maker's site: the redirect is answer enough.
const answers = (url: string) =>
  fetch(url, { redirect: "manual" }).then(
    () => true,
    () => false,
  );

test("what was stored is there again after a restart in the same folder", async () => {
  const first = await start();
  await clientOf(first).send(new CreateBucketCommand({ Bucket: "kept" }));
  await clientOf(first).send(new PutObjectCommand({ Bucket: "kept", Key: "a/b.txt", Body: "bytes" }));
  await first.stop();

  const second = await start();
  const object = await clientOf(second).send(new GetObjectCommand({ Bucket: "kept", Key: "a/b.txt" }));

  expect(await object.Body?.transformToString()).toBe("bytes");
});

test("stop leaves nothing that answers", async () => {
  const server = await start();
  expect(await answers(server.url)).toBe(true);

  await server.stop();

  expect(await answers(server.url)).toBe(false);
  expect(await answers(server.iamUrl)).toBe(false);
});

test("a port that is taken is an error that names it", async () => {
  const { url } = await start();
  const port = Number(new URL(url).port);

  await expect(start({ dir: join(dir, "other"), port, iamPort: port })).rejects.toThrow(
    `did not start on port ${port}`,
  );
});

test("a missing server program is an error that says how to get it", async () => {
  vi.stubEnv("PATH", "/nowhere");
  try {
    await expect(start()).rejects.toThrow("npm run setup");
  } finally {
    vi.unstubAllEnvs();
  }
});

test("both servers end when the process that started them is killed", async () => {
  const { process: parent, urls } = await startInAnotherProcess();
  expect(await Promise.all(urls.map(answers))).toEqual([true, true]);

  parent.kill("SIGKILL");

  await vi.waitFor(async () => expect(await Promise.all(urls.map(answers))).toEqual([false, false]), {
    timeout: 20_000,
  });
});

async function startInAnotherProcess(): Promise<{ process: ChildProcess; urls: string[] }> {
  const module = fileURLToPath(new URL("../../tools/s3.ts", import.meta.url));
  const script = `
    const { startS3Server } = await import(process.argv[1]);
    const { url, iamUrl } = await startS3Server({ dir: process.argv[2] });
    console.log(JSON.stringify([url, iamUrl]));`;
  const child = spawn("node", ["--input-type=module", "-e", script, module, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  parents.push(child);
  const [line] = await once(createInterface(child.stdout), "line");
  return { process: child, urls: JSON.parse(line) };
}
