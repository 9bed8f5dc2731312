import { expect, onTestFinished, test } from "vitest";
import { deliver } from "../../../operator/alerts/deliver.ts";
import { freePort } from "../../../tools/free-port.ts";
import { type Answer, answeringServer } from "../../support/answering-server.ts";

const alert = { key: "k:1", rule: "cost_warning", text: "too dear", facts: { usd: 60 } };
const pauses: number[] = [];
const sleep = async (seconds: number) => void pauses.push(seconds);

async function receiver(answers: Answer[]) {
  const server = await answeringServer(answers);
  onTestFinished(() => server[Symbol.asyncDispose]());
  pauses.length = 0;
  return server;
}

test("an alert reaches its webhook as text that chat services show, with its facts", async () => {
  const { url, requests } = await receiver([{ status: 200 }]);
  await deliver(url, { authorization: "Bearer t" }, alert, sleep);
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatchObject({ method: "POST", authorization: "Bearer t" });
  expect(JSON.parse(requests[0]?.body ?? "")).toEqual({ text: "too dear", alert: "cost_warning", key: "k:1", usd: 60 });
});

test("a receiver that is throttled, down or cuts the line is asked again, always with the same key", async () => {
  const { url, requests } = await receiver([{ status: 429 }, { status: 503 }, { cut: "drop" }, { status: 204 }]);
  await deliver(url, {}, alert, sleep);
  expect(requests.map(({ body }) => (JSON.parse(body) as { key: string }).key)).toEqual(["k:1", "k:1", "k:1", "k:1"]);
  expect(pauses).toEqual([1, 2, 4]);
});

test("a refusal is final, and is told without the address, which may be the secret", async () => {
  const { url, requests } = await receiver([{ status: 403 }]);
  const refused = await deliver(`${url}/T000/secret`, {}, alert, sleep).then(String, (error: Error) => error.message);
  expect(refused).toMatch(/webhook of alert cost_warning refuses it: HTTP 403/);
  expect(refused).not.toContain("secret");
  expect(requests).toHaveLength(1);
});

test("where nobody listens it gives up, and says that the next check tries again", async () => {
  const webhook = `http://127.0.0.1:${await freePort()}/`;
  await expect(deliver(webhook, {}, alert, sleep)).rejects.toThrow(/ECONNREFUSED[\s\S]*at the next check/);
});
