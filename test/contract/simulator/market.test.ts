import { expect, test } from "vitest";
import { type Bench, bench } from "./support.ts";

const WEEK_S = 7 * 86_400;

/** Ten spot workers with a simple client: whatever stopped for good is replaced once an hour. */
async function weekOfSpot(vast: Bench): Promise<string> {
  const rent = async (): Promise<void> => {
    const offers = await vast.offers({ type: "bid", num_gpus: { eq: 1 }, limit: 20 });
    for (const offer of offers) {
      const body = { image: "ubuntu", disk: 8, price: Number(offer.min_bid) * 1.05, cancel_unavail: true };
      if ((await vast.call("PUT", `/api/v0/asks/${offer.id}/`, body)).status === 200) return;
    }
  };
  for (let worker = 0; worker < 10; worker += 1) await rent();
  for (let hour = 0; hour < WEEK_S / 3600; hour += 8) {
    await vast.step(8 * 3600);
    const page = (await vast.call("GET", "/api/v1/instances/")).body;
    for (const row of page.instances) {
      if (row.cur_state === "running") continue;
      await vast.call("DELETE", `/api/v0/instances/${row.id}/`);
      await rent();
    }
  }
  return JSON.stringify((await vast.admin("GET", "/admin/events")).body);
}

const LIVE = { market: "live", ssh: false, offers: 900 } as const;

test("a live week has renters, prices, outages, preemptions and new listings", async () => {
  await using vast = await bench(LIVE);
  const events = JSON.parse(await weekOfSpot(vast)) as { kind: string }[];
  const count = (kind: string): number => events.filter((event) => event.kind === kind).length;
  for (const kind of ["other-rents", "other-leaves", "price", "host-offline", "host-online", "preempted", "relisted"]) {
    expect(count(kind), kind).toBeGreaterThan(0);
  }
  expect(count("host-online")).toBeGreaterThan(count("host-offline") * 0.8);
});

test("the same seed and the same client give the same week, event for event", async () => {
  const run = async (seed: number): Promise<string> => {
    await using vast = await bench({ ...LIVE, seed });
    return await weekOfSpot(vast);
  };
  const [first, second] = [await run(3), await run(3)];
  expect(second.length).toBe(first.length);
  expect(second === first).toBe(true);
});
