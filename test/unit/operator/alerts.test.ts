import { describe, expect, test } from "vitest";
import {
  type AlertMemory,
  type AlertRules,
  alertsFor,
  alertsSchema,
  type Observation,
} from "../../../operator/alerts/rules.ts";

const NOON_S = Date.UTC(2026, 10, 24, 12) / 1000;
const rules: AlertRules = {
  instance_unhealthy: { webhook: "https://chat.example.com/a", headers: {}, threshold: 3 },
  cost_warning: { webhook: "https://chat.example.com/a", headers: {}, daily_threshold: 50 },
};
const NOTHING: AlertMemory = { contracts: {}, unhealthy: {}, sent: [] };

const seen = (conditions: Record<string, string>, usd = 0, nowS = NOON_S): Observation => ({
  nowS,
  workers: Object.entries(conditions).map(([label, condition]) => ({ label, fleet: "trainer", condition })),
  spentToday: new Map([["trainer", usd]]),
});

/** One check after the other, everything delivered. */
function checks(observations: readonly Observation[], with_: AlertRules = rules): string[][] {
  let memory = NOTHING;
  return observations.map((observation) => {
    const { alerts, memory: now } = alertsFor(with_, observation, memory);
    memory = { ...now, sent: [...now.sent, ...alerts.map(({ key }) => ({ key, atS: observation.nowS }))] };
    return alerts.map(({ rule, facts }) => `${rule} ${facts.label ?? facts.usd}`);
  });
}

describe("an unhealthy worker", () => {
  const crashed = seen({ w: "crashed" });
  const well = seen({ w: "running" });

  test("is told at the third check in a row that finds it so, once", () => {
    expect(checks([crashed, crashed, crashed, crashed, crashed])).toEqual([[], [], ["instance_unhealthy w"], [], []]);
  });

  test("is told again when it was well in between", () => {
    const later = seen({ w: "offline" }, 0, NOON_S + 3600);
    expect(checks([crashed, crashed, crashed, well, later, later, later]).at(-1)).toEqual(["instance_unhealthy w"]);
  });

  test("is not told of when it recovers before the third check", () => {
    expect(checks([crashed, crashed, well, crashed, crashed]).flat()).toEqual([]);
  });

  test.each(["running", "starting", "stopping", "stopped"])("is none that is %s", (condition) => {
    const one = seen({ w: condition });
    expect(checks([one, one, one, one]).flat()).toEqual([]);
  });

  test("of another fleet than the rule's is not told of", () => {
    const other = { instance_unhealthy: { ...rules.instance_unhealthy, fleet: "other" } } as AlertRules;
    expect(checks([crashed, crashed, crashed], other).flat()).toEqual([]);
  });
});

test("an alert that was not delivered is due again", () => {
  const memory = { ...NOTHING, unhealthy: { w: { times: 2, sinceS: NOON_S } } };
  const first = alertsFor(rules, seen({ w: "crashed" }), memory);
  const second = alertsFor(rules, seen({ w: "crashed" }), first.memory);
  expect(second.alerts.map(({ key }) => key)).toEqual(first.alerts.map(({ key }) => key));
});

test("a day that costs too much is told once a day", () => {
  const days = [49, 50, 80].map((usd) => seen({}, usd));
  expect(checks([...days, seen({}, 70, NOON_S + 86_400)])).toEqual([[], ["cost_warning 50"], [], ["cost_warning 70"]]);
});

test("the fields of the lifecycle document's alerts are those of the file", () => {
  const parsed = alertsSchema.parse({
    vast_alerts: {
      instance_unhealthy: { webhook: "https://hooks.example.com/x", threshold: 3 },
      cost_warning: { webhook: "https://hooks.example.com/x", daily_threshold: 50.0 },
    },
  });
  expect(parsed.vast_alerts.cost_warning).toMatchObject({ daily_threshold: 50 });
});
