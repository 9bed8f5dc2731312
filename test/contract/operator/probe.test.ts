import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { expect, onTestFinished, test, vi } from "vitest";
import { bootstrapCheck } from "../../../operator/watch/probe.ts";
import { startStorage } from "../../support/vast-world.ts";

test("an object in S3 is there only under its very name", async () => {
  const storage = await startStorage();
  onTestFinished(() => storage.stop());
  const { url: endpoint, region, accessKeyId, secretAccessKey } = storage.server;
  vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
  await storage.client.send(new CreateBucketCommand({ Bucket: "models" }));
  const probe = { s3: "s3://models/zeb.pt", endpoint };
  await storage.put("models", "zeb.pt.old", "weights of last year");
  await expect(bootstrapCheck(probe, region)).rejects.toThrow(/no object s3:\/\/models\/zeb.pt; nothing was rented/);
  await storage.put("models", "zeb.pt", "weights");
  expect(await bootstrapCheck(probe, region)).toBe("s3://models/zeb.pt is there");
});

test("a URL has to answer well", async () => {
  let status = 503;
  const server = createServer((_, response) => response.writeHead(status).end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const probe = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ready` };
  await expect(bootstrapCheck(probe, "us-east-1")).rejects.toThrow(/answers HTTP 503; nothing was rented/);
  status = 200;
  expect(await bootstrapCheck(probe, "us-east-1")).toMatch(/answers$/);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(bootstrapCheck(probe, "us-east-1")).rejects.toThrow(/cannot be reached/);
});

test("a command has to end well, and what it said is told", async () => {
  expect(await bootstrapCheck({ command: ["true"] }, "us-east-1")).toBe("true agrees");
  const refusing = { command: ["sh", "-c", "echo no weights; exit 3"] };
  await expect(bootstrapCheck(refusing, "us-east-1")).rejects.toThrow(/ended with 3: no weights; nothing was rented/);
  await expect(bootstrapCheck({ command: ["/does/not/exist"] }, "us-east-1")).rejects.toThrow(/no exit code/);
});
