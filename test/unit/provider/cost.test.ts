import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StackLimits } from "../../../provider/fleet/budgets.ts";
import { costInWords, fleetCost, type Price, stackCost } from "../../../provider/fleet/cost.ts";

const worker = (dph: Price["dph"], more: Partial<Price> = {}): Price => ({
  name: "worker",
  kind: "worker",
  toRent: true,
  team: "research",
  dph,
  ...more,
});
const NO_LIMITS: StackLimits = { stack: {}, project: {}, teams: {}, fleets: {} };

describe("the cost of a fleet", () => {
  test("is the sum of its workers and volumes, by the hour, in 24 of them and in 720", () => {
    const cost = fleetCost("a", [worker(0.5), worker(0.25, { toRent: false }), worker(0.01, { kind: "volume" })]);
    expect(cost).toEqual({
      fleet: "a",
      workers: 2,
      toRent: 1,
      unplaced: 0,
      unpriced: 0,
      dph: 0.76,
      perDay: 18.240000000000002,
      perMonth: 547.2,
      teams: { research: 0.75 },
    });
    expect(costInWords(cost)).toBe(
      "The fleet of 2 workers, 1 to rent: $0.760/h, $18.24 a day, $547.20 a month, all-in",
    );
  });

  test("says what it leaves out", () => {
    const cost = fleetCost("a", [worker("no machine"), worker("no machine"), worker("not known"), worker(1)]);
    expect(cost).toMatchObject({ workers: 4, unplaced: 2, unpriced: 1, dph: 1 });
    expect(costInWords(cost)).toBe(
      "The fleet of 4 workers, 4 to rent: $1.000/h, $24.00 a day, $720.00 a month, all-in; not in the sum: 2 of 4 workers without a machine in the market and 1 whose price is not known yet",
    );
    expect(costInWords(fleetCost("a", [worker("no machine")]))).toBe(
      "The fleet of 1 worker, 1 to rent: not in the sum: 1 of 1 worker without a machine in the market",
    );
    expect(costInWords(fleetCost("a", [worker(0.5, { toRent: false })]))).toContain(
      "1 worker, nothing to rent: $0.500/h",
    );
  });

  test("is parted among the teams of its workers, without a remainder", () => {
    const prices = fc.array(fc.tuple(fc.integer({ min: 0, max: 9999 }), fc.constantFrom("x", "y")));
    fc.assert(
      fc.property(prices, (all) => {
        const { dph, teams } = fleetCost(
          "a",
          all.map(([mills, team]) => worker(mills / 1000, { team })),
        );
        expect(Object.values(teams).reduce((sum, part) => sum + part, 0)).toBeCloseTo(dph);
      }),
    );
  });
});

describe("the cost of a stack", () => {
  const fleets = [
    fleetCost("trainer", [worker(0.5), worker(0.25)]),
    fleetCost("render", [worker(0.25, { team: "art" })]),
  ];

  test("is a line for each fleet and their sum, and how long the credit lasts", () => {
    const { text, isAlarming } = stackCost(fleets, NO_LIMITS, 100);
    expect(text.split("\n")).toEqual([
      "What this stack would cost at the market's prices now (USD all-in, bandwidth on top; a month is 720 h):",
      "  fleet     workers  to rent  per hour  per day  per month",
      "  trainer         2        2     0.750    18.00     540.00",
      "  render          1        1     0.250     6.00     180.00",
      "  together        3        3     1.000    24.00     720.00",
      "  credit of the account: $100.00: enough for 100 hours (4 days) of this stack alone",
    ]);
    expect(isAlarming).toBe(false);
  });

  test("is held against each budget that is about it, and alarms over one of them", () => {
    const limits: StackLimits = {
      stack: { perHour: 2 },
      project: { perMonth: 7200 },
      teams: { research: { perDay: 20 }, absent: { perDay: 1 } },
      fleets: { trainer: { perDay: 17 }, absent: { perDay: 1 } },
    };
    const { text, isAlarming } = stackCost(fleets, limits, undefined);
    expect(text.split("\n").slice(5)).toEqual([
      "  budget of fleet trainer: $18.00 of $17.00 per day (OVER, 106 %)",
      "  budget of team research: $18.00 of $20.00 per day (90 %)",
      "  budget of this stack: $1.00 of $2.00 per hour (50 %)",
      "  budget of the project, by this stack alone: $720.00 of $7,200.00 per month (10 %)",
    ]);
    expect(isAlarming).toBe(true);
  });

  test("alarms when the credit does not last a day", () => {
    const { text, isAlarming } = stackCost(fleets, NO_LIMITS, 12.5);
    expect(text).toContain("credit of the account: $12.50: enough for 12.5 hours of this stack alone");
    expect(isAlarming).toBe(true);
  });

  test("says when the credit is not known, what has no price, and nothing of hours when nothing costs anything", () => {
    const gap = [fleetCost("trainer", [worker("no machine")])];
    expect(stackCost(gap, NO_LIMITS, "not known").text).toMatch(
      /not in the sum: 1 of 1 worker without a machine in the market \(trainer\)\n.*credit of the account: not known, the service did not answer$/,
    );
    expect(stackCost(gap, NO_LIMITS, 5)).toEqual({
      text: expect.stringMatching(/account: \$5\.00$/),
      isAlarming: false,
    });
  });
});
