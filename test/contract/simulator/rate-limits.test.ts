import { expect, test } from "vitest";
import { bench } from "./support.ts";

const LIMITED = { choices: { enforceRateLimits: true } };

test("a second call within the interval is refused with 429 in plain text, naming the threshold", async () => {
  await using vast = await bench(LIMITED);
  expect((await vast.call("GET", "/api/v1/instances/")).status).toBe(200);
  const second = await vast.call("GET", "/api/v1/instances/");
  expect(second).toMatchObject({ status: 429, body: "API requests too frequent: endpoint threshold=1.0" });
  expect(second.type).toMatch(/^text\/plain/);
  await vast.step(1);
  expect((await vast.call("GET", "/api/v1/instances/")).status).toBe(200);
});

// vast-api.md 1.4, the table.
const INTERVALS: readonly [method: string, path: string, seconds: number][] = [
  ["GET", "/api/v0/instances/1/", 2],
  ["GET", "/api/v1/instances/", 1],
  ["PUT", "/api/v0/instances/1/", 1],
  ["DELETE", "/api/v0/instances/1/", 3],
  ["POST", "/api/v0/instances/start/", 2],
  ["PUT", "/api/v0/instances/reboot/1/", 1],
  ["PUT", "/api/v0/instances/recycle/1/", 1],
  ["PUT", "/api/v0/instances/bid_price/1/", 5.5],
  ["PUT", "/api/v0/instances/command/1/", 1.5],
  ["GET", "/api/v0/volumes/", 5.5],
  ["POST", "/api/v0/volumes/search/", 5.5],
  ["PUT", "/api/v0/volumes/", 5.5],
  ["DELETE", "/api/v0/volumes/", 5.5],
  ["GET", "/api/v0/users/cloud_integrations/", 2.9],
  ["POST", "/api/v0/ssh/", 1],
  ["DELETE", "/api/v0/instances/1/ssh/2/", 2],
  ["PUT", "/api/v0/instances/prepay/1/", 2],
  ["GET", "/api/v0/instances/balance/1/", 3],
  ["PUT", "/api/v0/launch_instance/", 5],
  ["GET", "/api/v0/charges/", 1],
  ["GET", "/api/v1/invoices/", 3],
  ["PUT", "/api/v0/commands/copy_direct/", 3.5],
  ["DELETE", "/api/v0/commands/copy_direct/", 3.5],
  ["PUT", "/api/v0/ssh/1/", 1],
  ["GET", "/api/v0/secrets/", 5],
  ["POST", "/api/v0/secrets/", 3],
  ["PUT", "/api/v0/secrets/", 3],
  ["DELETE", "/api/v0/secrets/", 3],
  ["GET", "/api/v0/template/", 3],
  ["PUT", "/api/v0/users/", 5],
  ["POST", "/api/v0/users/", 3],
  ["GET", "/api/v0/subaccounts/", 2.1],
  ["GET", "/api/v0/users/me/ipaddrs/", 2.9],
  ["GET", "/api/v0/auth/apikeys/", 1],
  ["POST", "/api/v0/auth/apikeys/", 2],
  ["DELETE", "/api/v0/auth/apikeys/9/", 2],
];

test.each(INTERVALS)("%s %s keeps %d seconds between calls of one key", async (method, path, seconds) => {
  await using vast = await bench(LIMITED);
  await vast.admin("POST", "/admin/accounts", { apiKey: "second" });
  const body = method === "GET" ? undefined : {};
  const status = async (key?: string) => (await vast.call(method, path, body, key)).status;
  expect(await status()).not.toBe(429);
  expect(await status("second")).not.toBe(429);
  await vast.step(seconds - 0.1);
  expect(await status()).toBe(429);
  await vast.step(0.1);
  expect(await status()).not.toBe(429);
});

test("a create that comes too soon costs 12 seconds", async () => {
  await using vast = await bench(LIMITED);
  const status = async () => (await vast.call("PUT", "/api/v0/asks/1/", {})).status;
  expect(await status()).toBe(404);
  await vast.step(4);
  expect(await status()).toBe(429);
  await vast.step(11);
  expect(await status()).toBe(429);
  await vast.step(1);
  expect(await status()).toBe(404);
  await vast.step(4.5);
  expect(await status()).toBe(404);
});

test("searches are limited to ten a minute per address, whatever the key", async () => {
  await using vast = await bench(LIMITED);
  await vast.admin("POST", "/admin/accounts", { apiKey: "second" });
  const search = async (key?: string | null) => (await vast.call("POST", "/api/v0/bundles/", {}, key)).status;
  for (let call = 0; call < 10; call += 1) expect(await search(call % 2 ? "second" : null)).toBe(200);
  expect(await search()).toBe(429);
  await vast.step(60);
  expect(await search()).toBe(200);
});

test("the interval counts per endpoint: two ids share it, two methods do not", async () => {
  await using vast = await bench(LIMITED);
  expect((await vast.call("GET", "/api/v0/instances/1/")).status).toBe(200);
  expect((await vast.call("GET", "/api/v0/instances/2/")).status).toBe(429);
  expect((await vast.call("DELETE", "/api/v0/instances/2/")).status).toBe(404);
});

test("the pages of one listing are limited like any call, unless bursts of them are chosen", async () => {
  for (const listBursts of [false, true]) {
    await using vast = await bench({ choices: { enforceRateLimits: true, listBursts }, offers: 200 });
    for (let count = 0; count < 3; count += 1) {
      await vast.rent({}, { num_gpus: { eq: 1 } });
      await vast.step(6);
    }
    const page = (token: string) =>
      vast.call("GET", `/api/v1/instances/?limit=1${token && `&after_token=${encodeURIComponent(token)}`}`);
    const first = (await page("")).body.next_token;
    const second = await page(first);
    expect(second.status).toBe(listBursts ? 200 : 429);
    if (!listBursts) continue;
    expect((await page(second.body.next_token)).body.next_token).toBeNull();
    // Asking for a page again, or for the first one, is a call of its own.
    expect((await page(first)).status).toBe(429);
    expect((await page("")).status).toBe(429);
  }
});
