import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { VastError } from "../../../provider/api/errors.ts";
import type { InstanceRow, ListPage } from "../../../provider/api/instances.ts";
import { createSweeper } from "../../../provider/api/sweep.ts";
import type { Transport } from "../../../provider/api/transport.ts";
import { heldClock } from "../../support/held-clock.ts";
import { instanceRow } from "../../support/rows.ts";

const PAGE = 25;
type List = (token: string | null, call: number) => ListPage | Promise<ListPage>;

/** A sweeper over a list that is given as a function; every page takes a second. */
function sweeping(list: List) {
  const clock = heldClock();
  let calls = 0;
  const transport = {
    clock,
    baseUrl: "http://list",
    fetchResult: async () => undefined,
    call: async (_endpoint: unknown, pageBefore: () => string | null) => {
      calls += 1;
      const call = calls;
      const token = pageBefore();
      await clock.sleep(1);
      return list(token, call);
    },
  } as unknown as Transport;
  const underWay = () => vi.waitUntil(() => calls > 0, { interval: 1, timeout: 10_000 });
  return { clock, sweeper: createSweeper(transport), calls: () => calls, underWay };
}

/** Keyset paging over ids, as the service does it (vast-api.md 1.5); the token may look like anything. */
function keyset(rows: () => readonly InstanceRow[], token: (id: number) => string = String): List {
  const ids = new Map<string, number>();
  return (after) => {
    const from = after === null ? 0 : (ids.get(after) ?? Number.NaN);
    const left = rows()
      .toSorted((a, b) => a.id - b.id)
      .filter((row) => row.id > from);
    const page = left.slice(0, PAGE);
    const last = page.at(-1);
    const nextToken = left.length > PAGE && last ? token(last.id) : null;
    if (nextToken !== null && last) ids.set(nextToken, last.id);
    return { rows: page, nextToken, total: rows().length };
  };
}

const rowsOf = (ids: readonly number[]) => ids.map((id) => instanceRow({ id }));
const range = (count: number) => Array.from({ length: count }, (_, n) => n + 1);
const anyIds = fc.uniqueArray(fc.integer({ min: 1, max: 100_000 }), { maxLength: 140 });

describe("a sweep of the list", () => {
  test("has every contract, in ceil(N/25) calls, whatever the page tokens look like", async () => {
    await fc.assert(
      fc.asyncProperty(anyIds, fc.string(), async (ids, salt) => {
        const { sweeper, calls } = sweeping(
          keyset(
            () => rowsOf(ids),
            (id) => `${salt}${id}`,
          ),
        );
        const { rows } = await sweeper.since(0);
        expect([...rows.keys()].toSorted((a, b) => a - b)).toEqual(ids.toSorted((a, b) => a - b));
        expect(calls()).toBe(Math.max(1, Math.ceil(ids.length / PAGE)));
      }),
    );
  });

  test("while contracts come and go has every one that was there all the time", async () => {
    const change = fc.record({
      call: fc.integer({ min: 1, max: 8 }),
      add: anyIds,
      removeNth: fc.array(fc.nat({ max: 139 })),
    });
    await fc.assert(
      fc.asyncProperty(anyIds, fc.array(change, { maxLength: 3 }), async (initial, changes) => {
        const alive = new Set(initial);
        const always = new Set(initial);
        const pages = keyset(() => rowsOf([...alive]));
        const { sweeper } = sweeping((token, call) => {
          const page = pages(token, call);
          for (const { add, removeNth } of changes.filter((one) => one.call === call)) {
            for (const id of removeNth.map((nth) => initial[nth]).filter((id) => id !== undefined)) {
              alive.delete(id);
              always.delete(id);
            }
            for (const id of add) alive.add(id);
          }
          return page;
        });
        // New low ids behind the cursor make the list look short; then an error is right, a hole is not.
        const sweep = await sweeper.since(0).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "unexpected" });
          return undefined;
        });
        if (sweep) for (const id of always) expect(sweep.rows.has(id)).toBe(true);
      }),
    );
  });

  test("of an account without contracts is empty", async () => {
    const { sweeper } = sweeping(() => ({ rows: [], nextToken: null, total: 0 }));
    expect((await sweeper.since(0)).rows.size).toBe(0);
  });

  test("that ends after page one, although more are counted, is tried again and then an error", async () => {
    const { sweeper, calls } = sweeping(() => ({ rows: rowsOf(range(25)), nextToken: null, total: 40 }));
    await expect(sweeper.since(0)).rejects.toThrow(/incomplete: 25 of 40 contracts/);
    expect(calls()).toBe(3);
  });

  test("that answers no rows but counts some is an error, not an empty account", async () => {
    const { sweeper } = sweeping(() => ({ rows: [], nextToken: null, total: 3 }));
    await expect(sweeper.since(0)).rejects.toThrow(/incomplete: 0 of 3/);
  });

  test("that was short once, because contracts came meanwhile, goes well the second time", async () => {
    const { sweeper } = sweeping((_token, call) => ({
      rows: rowsOf(range(2)),
      nextToken: null,
      total: call === 1 ? 3 : 2,
    }));
    expect((await sweeper.since(0)).rows.size).toBe(2);
  });

  test("whose second page fails is an error as a whole", async () => {
    const pages = keyset(() => rowsOf(range(60)));
    const { sweeper } = sweeping((token, call) => {
      if (call === 2) throw new VastError("unexpected", "a page of HTML");
      return pages(token, call);
    });
    await expect(sweeper.since(0)).rejects.toThrow("a page of HTML");
    expect((await sweeper.since(0)).rows.size).toBe(60);
  });

  test("that goes in circles is an error instead of going on for ever", async () => {
    const { sweeper } = sweeping((token) => ({ rows: rowsOf([1]), nextToken: token === "a" ? "b" : "a", total: 9 }));
    await expect(sweeper.since(0)).rejects.toThrow(/same page token twice/);
  });
});

describe("readers of the list", () => {
  const three = () => keyset(() => rowsOf(range(60)));

  test("who ask at the same time share one sweep", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 80 }), async (readers) => {
        const { sweeper, calls, clock } = sweeping(three());
        const now = clock.elapsedS();
        const sweeps = await Promise.all(Array.from({ length: readers }, () => sweeper.since(now)));
        expect(new Set(sweeps).size).toBe(1);
        expect(calls()).toBe(3);
      }),
    );
  });

  test("who ask while one is under way, and need a later one, share the next", async () => {
    const { sweeper, calls, clock, underWay } = sweeping(three());
    const first = sweeper.since(clock.elapsedS());
    await underWay();
    clock.advance(0.5);
    const later = clock.elapsedS();
    const others = await Promise.all([first, ...range(20).map(() => sweeper.since(later))]);
    expect(new Set(others).size).toBe(2);
    for (const sweep of others.slice(1)) expect(sweep.startedAtS).toBeGreaterThanOrEqual(later);
    expect(calls()).toBe(6);
  });

  test("who ask before its first page has left share it", async () => {
    const { sweeper, calls, clock } = sweeping(three());
    const first = sweeper.since(clock.elapsedS());
    clock.advance(0.5);
    expect(await sweeper.since(clock.elapsedS())).toBe(await first);
    expect(calls()).toBe(3);
  });

  test("who come soon after a sweep wait for the others of their crowd, if any can still come", async () => {
    const { sweeper, clock } = sweeping(three());
    const waited = async (...crowd: ["complete"?]) => {
      clock.slept.length = 0;
      await sweeper.since(clock.elapsedS(), ...crowd);
      return clock.slept.filter((seconds) => seconds < 1).reduce((sum, seconds) => sum + seconds, 0);
    };
    await waited();
    const soon = await waited();
    const together = await waited("complete");
    clock.advance(1);
    const later = await waited();
    expect(soon).toBeGreaterThan(5 * later);
    expect(together).toBeCloseTo(later);
  });

  test("who are in no hurry let it rest for as long as the last sweep took", async () => {
    const { sweeper, clock } = sweeping(three());
    const { startedAtS } = await sweeper.nextSince(clock.elapsedS());
    const endedS = clock.elapsedS();
    const next = await sweeper.nextSince(endedS);
    expect(next.startedAtS - endedS).toBeGreaterThanOrEqual(endedS - startedAtS - 1e-9);
  });

  test("who can take an older answer cost nothing", async () => {
    const { sweeper, calls, clock } = sweeping(three());
    const sweep = await sweeper.since(0);
    clock.advance(50);
    expect(await sweeper.atMost(60)).toBe(sweep);
    expect(calls()).toBe(3);
    clock.advance(11);
    expect(await sweeper.atMost(60)).not.toBe(sweep);
  });

  test("never get a list from before a change of ours", async () => {
    const { sweeper, clock } = sweeping(three());
    const before = await sweeper.since(0);
    clock.advance(1);
    sweeper.invalidate();
    const after = await sweeper.atMost(600);
    expect(after).not.toBe(before);
    expect(after.startedAtS).toBeGreaterThanOrEqual(4);
  });

  test("nor one that was under way at that change", async () => {
    const { sweeper, clock, underWay } = sweeping(three());
    const before = sweeper.since(clock.elapsedS());
    await underWay();
    clock.advance(0.5);
    sweeper.invalidate();
    const after = await sweeper.atMost(600);
    expect(after).not.toBe(await before);
  });

  test("who share a sweep share its failure, and the next reader tries again", async () => {
    const pages = three();
    const { sweeper } = sweeping((token, call) => {
      if (call === 1) throw new VastError("auth", "Invalid user key");
      return pages(token, call);
    });
    const results = await Promise.allSettled([sweeper.since(0), sweeper.since(0), sweeper.atMost(60)]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect((await sweeper.since(0)).rows.size).toBe(60);
  });

  test("who need a later sweep are not hurt by an earlier one that fails", async () => {
    const pages = three();
    const { sweeper, clock, underWay } = sweeping((token, call) => {
      if (call === 1) throw new VastError("unsure", "the connection broke");
      return pages(token, call);
    });
    const failing = expect(sweeper.since(clock.elapsedS())).rejects.toThrow("the connection broke");
    await underWay();
    clock.advance(0.5);
    const later = sweeper.since(clock.elapsedS());
    await failing;
    expect((await later).rows.size).toBe(60);
  });
});
