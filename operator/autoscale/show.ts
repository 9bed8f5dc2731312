import { usd } from "pulumi-vast/internal/fleet/place";
import { coloured, table } from "../terminal.ts";
import { limitsAt, type ScalingPolicy } from "./policy.ts";
import { nameOf } from "./queue.ts";
import type { Outcome } from "./run.ts";

const MARKS = { none: "=", shown: "would be", done: "→", failed: "failed" } as const;

export function describeChecks(outcomes: readonly Outcome[]): string {
  if (outcomes.length === 0) return "The policy has no fleet.";
  const rows = outcomes.map(({ fleet, decision, depth, spent, outcome, limits }) => [
    fleet,
    depth === undefined ? coloured("yellow", "?") : String(depth),
    outcome === "none"
      ? String(decision.size)
      : coloured(outcome === "failed" ? "red" : "green", `${decision.size} ${MARKS[outcome]} ${decision.target}`),
    `${limits.min}-${limits.max}`,
    usd(spent.day),
    usd(spent.month),
  ]);
  const why = outcomes.flatMap(({ fleet, decision, workers, silence, error }) => [
    `${fleet}: ${decision.reasons.join("; ")}`,
    ...workers
      .filter(({ number }) => decision.remove.includes(number))
      .map(({ label, work }) => `  removes ${label} (${work})`),
    ...(silence === undefined ? [] : [`  ${silence}`]),
    ...(error === undefined ? [] : [`  error: ${error}`]),
  ]);
  return [table(["Fleet", "Queue", "Workers", "Bounds", "Today", "Month"], rows), ...why].join("\n");
}

export function describePolicy(policies: ScalingPolicy, nowS: number): string {
  const rows = Object.entries(policies).map(([fleet, policy]) => {
    const { min, max, itemsPerWorker, window } = limitsAt(policy, nowS);
    const { daily, monthly } = policy.budget;
    return [
      fleet,
      `${nameOf(policy.queue)}, ${itemsPerWorker} a worker`,
      `${min}-${max}${window ? ` (window ${window})` : ""}`,
      [daily && `${usd(daily)}/day`, monthly && `${usd(monthly)}/month`].filter(Boolean).join(", ") || "none",
      `up ${policy.cooldownMinutes.up} min, down ${policy.cooldownMinutes.down} min`,
    ];
  });
  if (rows.length === 0) return "The policy names no fleet: stacks/autoscale.yaml has an example of each key.";
  return table(["Fleet", "Queue", "Workers now", "Budget", "Cooldown"], rows);
}
