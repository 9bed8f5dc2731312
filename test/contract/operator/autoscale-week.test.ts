import { beforeAll, describe, expect, test } from "vitest";
import { WEEK, WEEK_POLICY } from "../../bench/autoscale.ts";
import { scalingWeek, type Week } from "../../support/scaling-week.ts";

describe("a simulated week with a bursty queue", () => {
  let week: Week;

  beforeAll(async () => {
    week = await scalingWeek({ policy: WEEK_POLICY, seed: 7, ...WEEK });
  }, 300_000);

  test("neither a day's nor the month's budget is ever exceeded, by the simulator's ledger", () => {
    expect(week.usdByDay).toHaveLength(7);
    for (const usd of week.usdByDay) expect(usd).toBeLessThanOrEqual(24);
    expect(week.totalUsd).toBeLessThanOrEqual(110);
  });

  test("the budget is used: it is what held the fleet at times", () => {
    expect(week.samples.some(({ heldBy }) => heldBy.includes("budget"))).toBe(true);
    expect(week.totalUsd).toBeGreaterThan(50);
  });

  test("the size follows the queue up and down, within its bounds", () => {
    const sizes = week.samples.map(({ size }) => size);
    expect(Math.max(...sizes)).toBeGreaterThanOrEqual(8);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(12);
    expect(week.samples.filter(({ target, size }) => target > size).length).toBeGreaterThan(5);
    expect(week.samples.filter(({ target, size }) => target < size).length).toBeGreaterThan(5);
  });

  test("between two changes lie the cooldowns, unless a budget is why", () => {
    const changes = week.samples.filter(({ target, size, removed }) => target !== size || removed.length > 0);
    changes.forEach((change, index) => {
      const before = changes[index - 1];
      if (before === undefined || change.heldBy.includes("budget")) return;
      const minutes = (change.atS - before.atS) / 60;
      expect(minutes).toBeGreaterThanOrEqual(change.target > change.size ? 20 : 40);
    });
  });

  test("only idle workers go when the queue is short", () => {
    const byDemand = week.samples.filter(({ removed, heldBy }) => removed.length > 0 && !heldBy.includes("budget"));
    expect(byDemand.length).toBeGreaterThan(0);
    expect(byDemand.flatMap(({ removed }) => removed).filter(({ work }) => work !== "idle")).toEqual([]);
  });

  test("an hour in which the queue does not answer changes nothing by demand", () => {
    const silent = week.samples.filter(({ queue }) => queue === undefined);
    expect(silent).toHaveLength(4);
    expect(silent.filter(({ target, size, heldBy }) => target !== size && !heldBy.includes("budget"))).toEqual([]);
  });

  test("the work gets done, for less than a fleet that is always as large as allowed", () => {
    expect(week.itemsDone / week.itemsIn).toBeGreaterThan(0.5);
    const dph =
      week.samples.reduce((sum, sample) => sum + sample.dph, 0) / week.samples.reduce((sum, { size }) => sum + size, 0);
    expect(week.totalUsd).toBeLessThan(8 * dph * 24 * 7);
  });
});
