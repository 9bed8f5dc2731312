import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide, type Situation, type Work, type Worker } from "../../../operator/autoscale/decide.ts";
import type { FleetPolicy } from "../../../operator/autoscale/policy.ts";

const policy = (different: Partial<FleetPolicy> = {}): FleetPolicy => ({
  queue: { http: "http://127.0.0.1/depth", path: "depth", headers: {} },
  itemsPerWorker: 10,
  min: 1,
  max: 8,
  budget: {},
  cooldownMinutes: { up: 10, down: 30 },
  stepUp: 1000,
  stepDown: 1000,
  removeBusy: false,
  idleBelowUtil: 5,
  idleMinutes: 10,
  lookAheadMinutes: 60,
  windows: [],
  timezone: "UTC",
  ...different,
});

/** Tuesday, 2026-11-24, 12:00 UTC. */
const NOON_S = Date.UTC(2026, 10, 24, 12) / 1000;

const workers = (...works: Work[]): Worker[] =>
  works.map((work, number) => ({ number, label: `w-${number}`, work, dph: 0.5 }));

const situation = (different: Partial<Situation> = {}): Situation => ({
  nowS: NOON_S,
  workers: workers("busy", "busy"),
  depth: 20,
  spent: { day: 0, month: 0 },
  newWorkerDph: 0.5,
  last: {},
  ...different,
});

describe("what an autoscaler decides", () => {
  test("a long queue asks for one worker per so many items, and no more than max", () => {
    expect(decide(policy(), situation({ depth: 41 })).target).toBe(5);
    expect(decide(policy(), situation({ depth: 4100 })).target).toBe(8);
  });

  test("an empty queue takes idle workers, and leaves min", () => {
    const decision = decide(policy(), situation({ depth: 0, workers: workers("busy", "idle", "idle", "busy") }));
    expect(decision).toMatchObject({ remove: [1, 2], target: 2, heldBy: ["busy"] });
  });

  test("idle workers go first, then those that only start, then those of which nothing is known", () => {
    const fleet = workers("unknown", "busy", "starting", "idle");
    const removed = (depth: number) => decide(policy({ min: 0 }), situation({ depth, workers: fleet })).remove;
    expect(removed(30)).toEqual([3]);
    expect(removed(20)).toEqual([2, 3]);
    expect(removed(10)).toEqual([0, 2, 3]);
    expect(removed(0)).toEqual([0, 2, 3]);
  });

  test("a busy worker is removed for a short queue only where the policy says so", () => {
    expect(decide(policy(), situation({ depth: 0 })).remove).toEqual([]);
    expect(decide(policy({ removeBusy: true }), situation({ depth: 0 })).remove).toEqual([1]);
  });

  test("a queue that does not answer changes nothing", () => {
    const decision = decide(policy(), situation({ depth: undefined, workers: workers("idle", "idle", "idle") }));
    expect(decision).toMatchObject({ target: 3, remove: [], heldBy: ["queue"] });
  });

  test("a queue that does not answer stops no budget", () => {
    const broke = situation({ depth: undefined, spent: { day: 9.9, month: 0 } });
    expect(decide(policy({ budget: { daily: 10 } }), broke)).toMatchObject({ target: 0, heldBy: ["budget"] });
  });

  test("size does not change again before the cooldown is over", () => {
    const last = { upS: NOON_S - 9 * 60 };
    expect(decide(policy(), situation({ depth: 80, last }))).toMatchObject({ target: 2, heldBy: ["cooldown"] });
    expect(decide(policy(), situation({ depth: 80, last: { upS: NOON_S - 600 } })).target).toBe(8);
    const idle = { depth: 0, workers: workers("idle", "idle") };
    expect(decide(policy(), situation({ ...idle, last: { upS: NOON_S - 20 * 60 } })).target).toBe(2);
    expect(decide(policy(), situation({ ...idle, last: { upS: NOON_S - 30 * 60 } })).target).toBe(1);
  });

  test("steps bound how much changes at once", () => {
    expect(decide(policy({ stepUp: 2 }), situation({ depth: 80 })).target).toBe(4);
    const idle = situation({ depth: 0, workers: workers("idle", "idle", "idle", "idle") });
    expect(decide(policy({ stepDown: 1 }), idle).target).toBe(3);
  });

  test("a budget that is nearly spent cuts the fleet at once, at work or not, whatever the cooldown", () => {
    const decision = decide(
      policy({ budget: { daily: 10 } }),
      situation({ depth: 80, spent: { day: 9.4, month: 0 }, last: { upS: NOON_S - 60 } }),
    );
    expect(decision).toMatchObject({ target: 1, remove: [1], heldBy: ["budget"] });
    expect(decision.reasons.join()).toMatch(/daily budget \$10\.00, \$9\.40 spent/);
  });

  test("workers beyond min must leave enough for min until the day is over", () => {
    // Twelve hours of one worker are $6; of the $8.60 that are left, five more for an hour are $2.50.
    const decision = decide(policy({ budget: { daily: 10 } }), situation({ depth: 80, spent: { day: 1.4, month: 0 } }));
    expect(decision).toMatchObject({ target: 6, heldBy: ["budget"] });
  });

  test("the monthly budget holds even where the day has plenty left", () => {
    const decision = decide(
      policy({ budget: { daily: 100, monthly: 300 } }),
      situation({ depth: 80, spent: { day: 0, month: 299 } }),
    );
    expect(decision.target).toBe(2);
  });

  test("a dear worker still to be rented counts with its price cap", () => {
    const rich = situation({ depth: 80, newWorkerDph: 4, spent: { day: 0, month: 0 } });
    expect(decide(policy({ budget: { daily: 20 } }), rich).target).toBe(5);
  });

  test("an offline worker is not chosen: nothing can be copied from it", () => {
    const fleet = workers("offline", "idle", "offline");
    expect(decide(policy({ min: 0 }), situation({ depth: 0, workers: fleet })).remove).toEqual([1]);
  });

  test("a window for the night has its own bounds, in the policy's time zone", () => {
    const night = policy({ windows: [{ from: "22:00", to: "06:00", max: 20 }], timezone: "Europe/Berlin" });
    const at = (hour: number) =>
      decide(night, situation({ depth: 500, nowS: Date.UTC(2026, 10, 24, hour) / 1000 })).target;
    expect(at(20)).toBe(8);
    expect(at(21)).toBe(20);
    expect(at(4)).toBe(20);
    expect(at(5)).toBe(8);
  });

  test("a window of Friday night is open on Saturday morning, not on Friday morning", () => {
    const friday = policy({ windows: [{ days: ["fri"], from: "22:00", to: "06:00", max: 20 }] });
    const on = (day: number, hour: number) =>
      decide(friday, situation({ depth: 500, nowS: Date.UTC(2026, 10, day, hour) / 1000 })).target;
    expect(on(27, 3)).toBe(8);
    expect(on(27, 23)).toBe(20);
    expect(on(28, 3)).toBe(20);
    expect(on(28, 23)).toBe(8);
  });
});

const work = fc.constantFrom<Work>("idle", "starting", "unknown", "busy", "offline");
const fleets = fc.uniqueArray(
  fc.record({
    number: fc.nat(30),
    label: fc.constant("w"),
    work,
    dph: fc.double({ min: 0.05, max: 4, noNaN: true }),
  }),
  { maxLength: 15, selector: ({ number }) => number },
);
const policies = fc
  .record({
    min: fc.nat(5),
    more: fc.nat(10),
    itemsPerWorker: fc.integer({ min: 1, max: 50 }),
    daily: fc.option(fc.double({ min: 1, max: 100, noNaN: true }), { nil: undefined }),
    monthly: fc.option(fc.double({ min: 1, max: 1000, noNaN: true }), { nil: undefined }),
    removeBusy: fc.boolean(),
    stepUp: fc.integer({ min: 1, max: 10 }),
    stepDown: fc.integer({ min: 1, max: 10 }),
  })
  .map(({ min, more, daily, monthly, ...rest }) =>
    policy({ ...rest, min, max: min + more, budget: { daily, monthly } }),
  );
const situations = fc.record({
  nowS: fc.integer({ min: NOON_S, max: NOON_S + 40 * 86_400 }),
  workers: fleets,
  depth: fc.option(fc.nat(500), { nil: undefined }),
  spent: fc.record({
    day: fc.double({ min: 0, max: 100, noNaN: true }),
    month: fc.double({ min: 0, max: 1000, noNaN: true }),
  }),
  newWorkerDph: fc.double({ min: 0.05, max: 4, noNaN: true }),
  last: fc.record({
    upS: fc.option(fc.integer({ min: NOON_S - 7200, max: NOON_S }), { nil: undefined }),
    downS: fc.option(fc.integer({ min: NOON_S - 7200, max: NOON_S }), { nil: undefined }),
  }),
});

describe("in every situation", () => {
  const holds = (claim: (policy: FleetPolicy, at: Situation, decision: ReturnType<typeof decide>) => void) =>
    fc.assert(
      fc.property(policies, situations, (rules, at) => claim(rules, at, decide(rules, at))),
      { numRuns: 400 },
    );

  test("what goes on billing fits every budget for the time until the next looks", () => {
    holds(({ budget, lookAheadMinutes }, { workers: fleet, spent, newWorkerDph }, { remove, target, size }) => {
      const stays = fleet.filter(({ number, work: at }) => !remove.includes(number) && at !== "offline");
      const hours = lookAheadMinutes / 60;
      const dph = stays.reduce((sum, worker) => sum + worker.dph, 0) + Math.max(0, target - size) * newWorkerDph;
      for (const [usd, gone] of [
        [budget.daily, spent.day],
        [budget.monthly, spent.month],
      ] as const)
        if (usd !== undefined && dph > 0) expect(dph * hours).toBeLessThanOrEqual(Math.max(0, usd - gone) + 1e-9);
    });
  });

  test("a cooldown is broken by nothing but a budget", () => {
    holds(({ cooldownMinutes }, { last, nowS }, { target, size, heldBy }) => {
      if (target === size || heldBy.includes("budget")) return;
      const sinceMinutes =
        (nowS - Math.max(last.upS ?? Number.NEGATIVE_INFINITY, last.downS ?? Number.NEGATIVE_INFINITY)) / 60;
      expect(sinceMinutes).toBeGreaterThanOrEqual(target > size ? cooldownMinutes.up : cooldownMinutes.down);
    });
  });

  test("nobody who is busy goes while somebody idle stays", () => {
    holds((_, { workers: fleet }, { remove }) => {
      const goes = fleet.filter(({ number }) => remove.includes(number));
      const idleStays = fleet.some(({ number, work: at }) => at === "idle" && !remove.includes(number));
      if (idleStays) expect(goes.every(({ work: at }) => at === "idle")).toBe(true);
    });
  });

  test("the size is what is removed and added, only existing workers are removed, and demand never goes beyond the bounds", () => {
    holds(({ min, max, stepUp, stepDown }, { workers: fleet }, { size, target, remove, heldBy }) => {
      expect(new Set(remove).size).toBe(remove.length);
      expect(remove.every((number) => fleet.some((worker) => worker.number === number))).toBe(true);
      if (remove.length > 0) expect(target).toBe(size - remove.length);
      if (target > size) expect(target).toBeLessThanOrEqual(Math.min(max, size + stepUp));
      if (target < size && !heldBy.includes("budget")) {
        expect(target).toBeGreaterThanOrEqual(min);
        expect(remove.length).toBeLessThanOrEqual(stepDown);
      }
    });
  });
});
