import fc from "fast-check";
import { expect, test } from "vitest";
import { EventLog } from "../../../simulator/world/event-log.ts";

const filled = (times: readonly number[], limit: number) => {
  const log = new EventLog<{ at: number; sequence: number }>(limit);
  for (const [sequence, at] of times.entries()) log.add({ at, sequence });
  return log;
};

test("a log answers what a plain list would, however much of it rests compressed", () => {
  const times = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 4000, size: "max" });
  fc.assert(
    fc.property(times, fc.integer({ min: -1, max: 51 }), (list, since) => {
      const log = filled(list, 100_000);
      const items = list.map((at, sequence) => ({ at, sequence }));
      expect(log.size).toBe(items.length);
      expect(log.since(since)).toEqual(items.filter(({ at }) => at >= since));
      expect([...log.newestFirst()]).toEqual(items.reverse());
    }),
    { numRuns: 30 },
  );
});

test("beyond the limit the oldest are dropped, never one of the newest", () => {
  const log = filled(
    Array.from({ length: 20_000 }, (_, index) => index),
    3000,
  );
  const kept = log.since(0);
  expect(kept.length).toBe(log.size);
  expect(log.size).toBeGreaterThanOrEqual(3000);
  expect(log.size).toBeLessThan(3000 + 1000);
  expect(kept.at(-1)?.at).toBe(19_999);
  expect(kept[0]?.at).toBe(20_000 - log.size);
});

test("a cleared log is empty", () => {
  const log = filled([...Array(2500).keys()], 10_000);
  log.clear();
  expect(log.size).toBe(0);
  expect(log.since(0)).toEqual([]);
});
