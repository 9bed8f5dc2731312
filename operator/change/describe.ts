import { usd } from "pulumi-vast/internal/fleet/place";
import type { Fleets, Worker } from "../fleet/read.ts";
import type { PlannedChanges, PlannedStep } from "../stack/preview.ts";
import { coloured, table } from "../terminal.ts";

/** What of a fleet there is, and what is wanted. */
export interface FleetState {
  fleet: string;
  /** Of the config. */
  wanted: number | undefined;
  workers: number;
  running: number;
  /** Wanted running, and neither running nor about to. */
  notRunning: number;
  /** USD/h billed now. */
  dph: number;
}

const ON_ITS_WAY = new Set(["running", "starting"]);

export function isDown({ inputs, condition }: Pick<Worker, "inputs" | "condition">): boolean {
  return inputs.state !== "stopped" && !ON_ITS_WAY.has(condition);
}

export function statesOf({ fleets }: Fleets): FleetState[] {
  return fleets.map(({ name, config, workers }) => ({
    fleet: name,
    wanted: config?.workers,
    workers: workers.length,
    running: workers.filter(({ condition }) => condition === "running").length,
    notRunning: workers.filter(isDown).length,
    dph: workers.reduce((sum, worker) => sum + worker.dph, 0),
  }));
}

export function tableOfFleets(states: readonly FleetState[]): string {
  const total = states.reduce((sum, { dph }) => sum + dph, 0);
  const rows = states.map(({ fleet, wanted, running, notRunning, dph }) => [
    fleet,
    String(wanted ?? "?"),
    String(running),
    notRunning === 0 ? "" : coloured("yellow", String(notRunning)),
    dph.toFixed(3),
  ]);
  const lines = states.length === 0 ? "No fleets." : table(["Fleet", "Wanted", "Running", "Down", "$/h"], rows);
  return `${lines}\nTotal: ${usd(total)}/h, ${usd(total * 24)}/day.`;
}

const SIGNS: Readonly<Record<string, string>> = { create: "+", update: "~", replace: "±", delete: "-" };

/** What an `up` would do, the prices and reasons that the provider tells, and what the policies say. */
export function describeChanges({ steps, messages, violations }: PlannedChanges): string {
  const changed = steps.map(lineOf);
  const said = messages
    .filter(({ severity }) => severity !== "error")
    .map(({ resource, text }) => `  ${resource === "" ? "" : `${resource}: `}${text.split("\n").join("\n    ")}`);
  const judged = violations.map(({ level, rule, resource, text }) => {
    const lines = text.split("\n");
    return coloured("yellow", `  ${level} ${rule} (${resource}): ${lines.slice(lines.length > 1 ? 1 : 0).join(" ")}`);
  });
  return [
    changed.length === 0 ? "Nothing would change." : "This would change:",
    ...changed,
    ...(said.length > 0 ? ["What is known now:", ...new Set(said)] : []),
    ...(judged.length > 0 ? ["Policies:", ...new Set(judged)] : []),
  ].join("\n");
}

function lineOf({ op, name, type, because }: PlannedStep): string {
  const reason = because.length === 0 ? "" : ` (${because.join(", ")})`;
  return `  ${SIGNS[op] ?? " "} ${op} ${type} ${name}${reason}`;
}
