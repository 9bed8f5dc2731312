import { describe, expect, test } from "vitest";
import { OFFER_SEARCH_LIMIT } from "../../../provider/api/assumptions.ts";
import { createMarket } from "../../../provider/api/market.ts";
import type { Offer, OfferQuery } from "../../../provider/api/offers.ts";
import type { Transport } from "../../../provider/api/transport.ts";
import { heldClock } from "../../support/held-clock.ts";
import { offer } from "../../support/rows.ts";

const QUERY: OfferQuery = {
  filters: { num_gpus: { eq: 1 }, machine_id: { notin: [13] } },
  type: "on-demand",
  order: [["dph_total", "asc"]],
  allocatedStorageGb: 20,
};
/** A machine is offered in this many slices. */
const SLICES = 2;

/** A service with so many machines; it leaves out the machines it is told to, or does not care. */
function selling(machines: number, { heeds = true, fails = 0 } = {}) {
  const clock = heldClock();
  const asked: number[][] = [];
  let failures = fails;
  const all = Array.from({ length: machines * SLICES }, (_, n) =>
    offer({ id: n + 1, machine_id: 100 + Math.floor(n / SLICES) }),
  );
  const transport = {
    clock,
    call: async (_endpoint: unknown, query: OfferQuery) => {
      const notin = (query.filters.machine_id?.notin ?? []) as number[];
      asked.push(notin);
      await clock.sleep(6);
      if (asked.length > 1 && failures-- > 0) throw new Error("not now");
      return all.filter(({ machine_id }) => !heeds || !notin.includes(machine_id)).slice(0, OFFER_SEARCH_LIMIT);
    },
  } as unknown as Transport;
  const market = createMarket(transport);
  /** A worker that takes the first machine nobody else has. */
  const take = (owner: string) =>
    market.searchUntil(QUERY, (offers): Offer | undefined => {
      const claimed = market.claimedByOthers(owner).machines;
      const found = offers.find(({ machine_id }) => !claimed.has(machine_id));
      if (found) market.claim(found, owner);
      return found;
    });
  return { clock, market, take, asked };
}

const workers = (count: number) => Array.from({ length: count }, (_, n) => `worker-${n}`);
const onOnePage = OFFER_SEARCH_LIMIT / SLICES;

describe("a search that shows too few machines", () => {
  test("goes on behind those already seen, and all workers of the run share its pages", async () => {
    const { take, asked } = selling(100);
    const found = await Promise.all(workers(80).map(take));
    expect(new Set(found.map((one) => one?.machine_id)).size).toBe(80);
    expect(asked.map((notin) => notin.length)).toEqual([1, 1 + onOnePage, 1 + 2 * onOnePage]);
    expect(asked.every((notin) => notin[0] === 13)).toBe(true);
  });

  test("is not continued while there are machines left", async () => {
    const { take, asked } = selling(100);
    await Promise.all(workers(onOnePage).map(take));
    expect(asked).toHaveLength(1);
  });

  test("ends with the market: whoever is left then has seen everything", async () => {
    const { take, market, asked } = selling(40);
    const found = await Promise.all(workers(45).map(take));
    expect(found.filter((one) => one === undefined)).toHaveLength(5);
    expect(asked).toHaveLength(2);
    const last: [number, boolean][] = [];
    await market.searchUntil(QUERY, (offers, exhausted) => void last.push([offers.length, exhausted]));
    expect(last).toEqual([
      [64, false],
      [80, true],
    ]);
  });

  test("ends where the service leaves out no machines", async () => {
    const { take, asked } = selling(100, { heeds: false });
    const found = await Promise.all(workers(40).map(take));
    expect(found.filter((one) => one === undefined)).toHaveLength(40 - onOnePage);
    expect(asked).toHaveLength(2);
  });

  test("and fails is asked again by the next worker, with what was found before", async () => {
    const { take, asked } = selling(100, { fails: 1 });
    await Promise.all(workers(onOnePage).map(take));
    await expect(take("one-more")).rejects.toThrow("not now");
    expect(await take("one-more")).toMatchObject({ machine_id: 100 + onOnePage });
    expect(asked.map((notin) => notin.length)).toEqual([1, 1 + onOnePage, 1 + onOnePage]);
  });

  test("starts over after two minutes, when prices and machines have changed", async () => {
    const { take, clock, asked } = selling(100);
    await take("a");
    clock.advance(121);
    await take("b");
    expect(asked).toHaveLength(2);
    expect(asked[1]).toEqual([13]);
  });

  test("never shows again what turned out to be taken", async () => {
    const { market } = selling(3);
    market.taken(1);
    const found = await market.searchUntil(QUERY, (offers) => offers.map(({ id }) => id));
    expect(found).toEqual([2, 3, 4, 5, 6]);
  });
});
