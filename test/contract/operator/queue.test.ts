import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@redis/client";
import { execa } from "execa";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { nameOf, queueDepth } from "../../../operator/autoscale/queue.ts";
import { freePort } from "../../../tools/free-port.ts";

/** Answers every request alike, and remembers the last one. */
async function answering(status: number, body: string, type = "application/json") {
  const seen: { request?: IncomingMessage; body: string } = { body: "" };
  const server = createServer((request, response) => {
    seen.request = request;
    seen.body = "";
    request.on("data", (chunk: Buffer) => {
      seen.body += chunk.toString();
    });
    request.on("end", () => response.writeHead(status, { "content-type": type }).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

describe("the depth of a queue behind HTTP", () => {
  const depth = async (body: string, path = "depth", status = 200) =>
    queueDepth({ http: (await answering(status, body)).url, path, headers: {} });

  test("is the number at the path, also as text", async () => {
    expect(await depth('{"depth": 42}')).toBe(42);
    expect(await depth('{"queues": [{"backlog": "17"}]}', "queues.0.backlog")).toBe(17);
  });

  test("is asked for with the headers of the policy", async () => {
    const { url, seen } = await answering(200, '{"depth": 0}');
    await queueDepth({ http: url, path: "depth", headers: { authorization: "Bearer t" } });
    expect(seen.request?.headers.authorization).toBe("Bearer t");
  });

  test.each([
    ["no number", '{"depth": null}', 200, /says no depth, but null/],
    ["a negative number", '{"depth": -1}', 200, /says no depth, but -1/],
    ["another shape", '{"length": 3}', 200, /says no depth, but nothing/],
    ["an error", '{"depth": 3}', 503, /HTTP 503/],
    ["no JSON", "<html>", 200, /does not say its depth/],
  ])("is not known where the answer is %s: never 0", async (_, body, status, message) => {
    await expect(depth(body, "depth", status)).rejects.toThrow(message);
  });

  test("is not known where nobody listens", async () => {
    const http = `http://127.0.0.1:${await freePort()}/`;
    await expect(queueDepth({ http, path: "depth", headers: {} })).rejects.toThrow(/budgets go on/);
  });
});

describe("the depth of an SQS queue", () => {
  const credentials = () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIATEST");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    onTestFinished(() => void vi.unstubAllEnvs());
  };

  test("is asked of the queue's own address in SQS's protocol, signed for the region that is named", async () => {
    credentials();
    const answer = JSON.stringify({ Attributes: { ApproximateNumberOfMessages: "1234" } });
    const { url, seen } = await answering(200, answer, "application/x-amz-json-1.0");
    const sqs = `${url}/123456789012/jobs`;
    expect(await queueDepth({ sqs, region: "eu-west-1" })).toBe(1234);
    expect(seen.request?.headers["x-amz-target"]).toBe("AmazonSQS.GetQueueAttributes");
    expect(seen.request?.headers.authorization).toMatch(/\/eu-west-1\/sqs\/aws4_request/);
    expect(JSON.parse(seen.body)).toEqual({ QueueUrl: sqs, AttributeNames: ["ApproximateNumberOfMessages"] });
  });

  test("is not known where SQS refuses", async () => {
    credentials();
    const refusal = JSON.stringify({ __type: "com.amazonaws.sqs#QueueDoesNotExist", message: "no such queue" });
    const { url } = await answering(400, refusal, "application/x-amz-json-1.0");
    await expect(queueDepth({ sqs: `${url}/1/jobs`, region: "eu-west-1" })).rejects.toThrow(/no such queue/);
  });
});

describe("the depth of a Redis key", () => {
  async function redis() {
    const { failed } = await execa("redis-server", ["--version"], { reject: false });
    if (failed) throw new Error('redis-server is not on PATH: "npm test" makes one (tools/setup/redis-server.mjs)');
    const port = await freePort();
    const server = execa(
      "redis-server",
      ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "pw"],
      {
        reject: false,
      },
    );
    const url = `redis://:pw@127.0.0.1:${port}`;
    const client = createClient({ url, socket: { reconnectStrategy: () => 20 } });
    client.on("error", () => undefined);
    await client.connect();
    onTestFinished(async () => {
      client.destroy();
      server.kill();
      await server;
    });
    return { url, client };
  }

  test("is the length of a list, stream, set or sorted set, the number in a string, and 0 for a key that is not there", async () => {
    const { url, client } = await redis();
    await client.lPush("list", ["a", "b", "c"]);
    await client.xAdd("stream", "*", { job: "1" });
    await client.sAdd("set", ["a", "b"]);
    await client.zAdd("zset", { score: 1, value: "a" });
    await client.set("number", "77");
    const depths = await Promise.all(
      ["list", "stream", "set", "zset", "number", "nothing"].map((key) => queueDepth({ redis: url, key })),
    );
    expect(depths).toEqual([3, 1, 2, 1, 77, 0]);
  });

  test("is not known for a key of another kind, with a wrong password, or where nobody listens", async () => {
    const { url, client } = await redis();
    await client.hSet("hash", "a", "1");
    await expect(queueDepth({ redis: url, key: "hash" })).rejects.toThrow(/says no depth/);
    await expect(queueDepth({ redis: url.replace("pw", "no"), key: "list" })).rejects.toThrow(/WRONGPASS/);
    await expect(queueDepth({ redis: `redis://127.0.0.1:${await freePort()}`, key: "l" })).rejects.toThrow(
      /does not say/,
    );
  });
});

test("a message names a queue without its password", () => {
  expect(nameOf({ redis: "redis://me:secret@q:6379/0", key: "jobs" })).toBe("redis://q:6379/0 jobs");
});
