import { expect, test } from "vitest";
import { startSimulator } from "../../simulator/server.ts";
import { httpClient } from "../bench/http.ts";
import { countKinds, type Days, firstDifference, liveThrough, SCRIPT_START } from "../bench/scripted-days.ts";

const API_KEY = "key-of-the-first-account";

async function dayOf(seed: number): Promise<Days> {
  await using simulator = await startSimulator({
    apiKey: API_KEY,
    seed,
    paused: true,
    startAt: SCRIPT_START,
    offers: 900,
    market: "live",
    credit: 1e5,
    // Which ports are free is up to the machine, not to the seed.
    ssh: false,
    choices: { enforceRateLimits: false },
  });
  const api = httpClient(simulator.url, API_KEY);
  const admin = httpClient(simulator.adminUrl, simulator.adminToken);
  try {
    return await liveThrough({ url: simulator.url, api, admin }, 1);
  } finally {
    api.close();
    admin.close();
  }
}

test("a day of market, preemptions, lost hosts, copies and faults is the same twice, and another with another seed", async () => {
  const [first, second, other] = [await dayOf(7), await dayOf(7), await dayOf(8)];
  const kinds = countKinds(first.events);
  for (const kind of ["other-rents", "price", "preempted", "host-offline", "copy-complete", "checkpoint", "status"]) {
    expect(kinds[kind], kind).toBeGreaterThan(0);
  }
  expect(firstDifference(first.events, second.events)).toBeUndefined();
  expect(second.hash).toBe(first.hash);
  expect(second.billUsd).toBe(first.billUsd);
  expect(other.hash).not.toBe(first.hash);
});
