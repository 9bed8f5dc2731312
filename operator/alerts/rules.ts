import { z } from "zod";
import { seenSchema } from "../spend/meter.ts";

const common = {
  webhook: z.url(),
  headers: z.record(z.string(), z.string()).default({}),
  fleet: z.string().optional().describe("only of this fleet"),
};

/** `stacks/alerts.yaml`, as the lifecycle document's notification_hooks.yaml. */
export const alertsSchema = z.strictObject({
  vast_alerts: z.record(
    z.string(),
    z.union(
      [
        z.strictObject({
          ...common,
          threshold: z.int().min(1).describe("checks in a row that found a worker unhealthy"),
        }),
        z.strictObject({ ...common, daily_threshold: z.number().positive().describe("USD of a UTC day") }),
      ],
      "needs `webhook`, and `threshold` (checks in a row) or `daily_threshold` (USD)",
    ),
  ),
});
export type AlertRules = z.output<typeof alertsSchema>["vast_alerts"];

const sentSchema = z.object({ key: z.string(), atS: z.number() });
export const alertMemorySchema = z.object({
  contracts: z.record(z.string(), seenSchema).default({}),
  /** Failures in a row and since when, by label. */
  unhealthy: z.record(z.string(), z.object({ times: z.int(), sinceS: z.number() })).default({}),
  /** What has been delivered, by key: nothing is told twice. */
  sent: z.array(sentSchema).default([]),
});
export type AlertMemory = z.output<typeof alertMemorySchema>;

export interface Observation {
  nowS: number;
  /** Condition of every worker. */
  workers: readonly { label: string; fleet: string | undefined; condition: string }[];
  /** USD of this UTC day, by fleet. */
  spentToday: ReadonlyMap<string, number>;
}

export interface Alert {
  /** The same for the same thing, however often it is found: receivers may rely on it, too. */
  key: string;
  rule: string;
  /** As chat services take it. */
  text: string;
  facts: Record<string, unknown>;
}

/** What is no reason to worry. */
const WELL = new Set(["running", "starting", "stopping", "stopped"]);
const REMEMBERED_S = 40 * 86_400;

/** What is to be told now. Pure; what was delivered before is not told again until it was well in between. */
export function alertsFor(
  rules: AlertRules,
  seen: Observation,
  earlier: AlertMemory,
): { alerts: Alert[]; memory: AlertMemory } {
  const unhealthy = Object.fromEntries(
    seen.workers
      .filter(({ condition }) => !WELL.has(condition))
      .map(({ label }) => {
        const before = earlier.unhealthy[label];
        return [label, { times: (before?.times ?? 0) + 1, sinceS: before?.sinceS ?? Math.round(seen.nowS) }];
      }),
  );
  const told = new Set(earlier.sent.map(({ key }) => key));
  const found = Object.entries(rules).flatMap(([name, rule]) =>
    "threshold" in rule
      ? unhealthyAlerts(name, rule, seen, unhealthy)
      : costAlerts(name, rule.daily_threshold, rule.fleet, seen),
  );
  return {
    alerts: found.filter(({ key }) => !told.has(key)),
    memory: { ...earlier, unhealthy, sent: earlier.sent.filter(({ atS }) => seen.nowS - atS < REMEMBERED_S) },
  };
}

function unhealthyAlerts(
  name: string,
  { threshold, fleet }: { threshold: number; fleet?: string | undefined },
  { workers }: Observation,
  unhealthy: AlertMemory["unhealthy"],
): Alert[] {
  return workers.flatMap((worker) => {
    const found = unhealthy[worker.label];
    if (!found || found.times < threshold || (fleet !== undefined && worker.fleet !== fleet)) return [];
    const since = new Date(found.sinceS * 1000).toISOString();
    return [
      {
        key: `${name}:${worker.label}:${found.sinceS}`,
        rule: name,
        text: `${worker.label} is ${worker.condition}: found so ${found.times} times in a row, since ${since}`,
        facts: {
          label: worker.label,
          fleet: worker.fleet ?? null,
          condition: worker.condition,
          times: found.times,
          since,
        },
      },
    ];
  });
}

function costAlerts(name: string, usd: number, fleet: string | undefined, { nowS, spentToday }: Observation): Alert[] {
  const day = new Date(nowS * 1000).toISOString().slice(0, 10);
  const spent = [...spentToday]
    .filter(([of]) => fleet === undefined || of === fleet)
    .reduce((sum, [, cost]) => sum + cost, 0);
  if (spent < usd) return [];
  const text = `${fleet ? `fleet ${fleet}` : "the stack"} has cost $${spent.toFixed(2)} on ${day}; the threshold is $${usd.toFixed(2)}`;
  return [
    { key: `${name}:${day}`, rule: name, text, facts: { day, usd: Math.round(spent * 100) / 100, threshold: usd } },
  ];
}
