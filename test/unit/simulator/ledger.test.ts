import fc from "fast-check";
import { expect, test } from "vitest";
import { Ledger } from "../../../simulator/world/ledger.ts";

const HOUR_S = 3600;

interface Change {
  after: number;
  sourceId: number;
  kind: "gpu" | "disk";
  rate: number;
}

const change = fc.record<Change>({
  after: fc.double({ min: 0, max: 100_000, noNaN: true }),
  sourceId: fc.integer({ min: 1, max: 3 }),
  kind: fc.constantFrom("gpu", "disk"),
  rate: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 20, noNaN: true })),
});

/** The rate of each meter at every moment, summed the slow way. */
function integral(changes: readonly Change[], start: number, end: number): number {
  const rates = new Map<string, number>();
  let total = 0;
  let now = start;
  for (const { after, sourceId, kind, rate } of changes) {
    for (const running of rates.values()) total += (running * after) / HOUR_S;
    now += after;
    rates.set(`${kind} ${sourceId}`, rate);
  }
  for (const running of rates.values()) total += (running * (end - now)) / HOUR_S;
  return total;
}

test("the ledger equals the integral of the rates over time, whatever the life", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.double({ min: 0, max: 1e6, noNaN: true }), (changes, rest) => {
      const ledger = new Ledger();
      const start = 1_793_000_000;
      let now = start;
      for (const { after, sourceId, kind, rate } of changes) {
        now += after;
        ledger.setRate(now, { accountId: 1, source: "instance", sourceId }, kind, rate);
      }
      const end = now + rest;
      const expected = integral(changes, start, end);
      const close = (value: number): boolean => Math.abs(value - expected) <= 1e-6 + expected * 1e-7;
      expect(close(ledger.spent(1, end))).toBe(true);
      const entries = [1, 2, 3].flatMap((id) => ledger.entriesOf("instance", id, end));
      expect(close(entries.reduce((sum, entry) => sum + entry.amount, 0))).toBe(true);
      expect(ledger.credit(1, end)).toBeCloseTo(-ledger.spent(1, end), 9);
    }),
    { numRuns: 10_000 },
  );
});

test("traffic is kept apart by direction and price, and joined within the hour", () => {
  const ledger = new Ledger();
  const subject = { accountId: 1, source: "instance", sourceId: 7 } as const;
  for (let file = 0; file < 10; file += 1) ledger.traffic(1000 + file, subject, "bwu", 1e9, 0.02);
  ledger.traffic(1010, subject, "bwd", 5e8, 0.01);
  const entries = ledger.entriesOf("instance", 7, 2000);
  expect(entries).toMatchObject([
    { kind: "bwu", quantity: 10, amount: expect.closeTo(0.2, 12) },
    { kind: "bwd", quantity: 0.5, amount: expect.closeTo(0.005, 12) },
  ]);
});
