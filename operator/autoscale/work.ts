import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { conditionOf, mayHaveRun } from "pulumi-vast/internal/lifecycle/instance/condition";
import type { Work } from "./decide.ts";
import type { FleetPolicy } from "./policy.ts";

/** Epoch seconds since which a contract's GPU was seen to do nothing, by contract id. */
export type IdleSince = Record<string, number>;

/** GPU use in percent. A zero of a host that reports nothing else either is no figure, nor is what stays of a stopped one. */
export function gpuUse(row: InstanceRow): number | undefined {
  if (conditionOf(row) !== "running" || typeof row.gpu_util !== "number") return undefined;
  const reports = [row.gpu_util, row.gpu_temp, row.mem_usage].some(
    (figure) => typeof figure === "number" && figure > 0,
  );
  return reports ? row.gpu_util : undefined;
}

/** Keeps since when each of these has been idle; what works, or says nothing, begins anew. */
export function idleSince(
  earlier: IdleSince,
  rows: readonly InstanceRow[],
  belowUtil: number,
  nowS: number,
): IdleSince {
  return Object.fromEntries(
    rows
      .filter((row) => (gpuUse(row) ?? 100) < belowUtil)
      .map((row) => [String(row.id), earlier[String(row.id)] ?? nowS]),
  );
}

/** What a worker does; `row` is undefined for one that the service does not list. */
export function workOf(
  row: InstanceRow | undefined,
  since: IdleSince,
  { idleMinutes }: Pick<FleetPolicy, "idleMinutes">,
  nowS: number,
): Work {
  if (row === undefined) return "starting";
  const condition = conditionOf(row);
  if (condition === "offline") return "offline";
  if (condition === "running") return workOfRunning(row, since, idleMinutes, nowS);
  if (condition === "starting" || condition === "scheduling") return mayHaveRun(row) ? "unknown" : "starting";
  // Stopped, preempted, crashed, expired: it does nothing, and its disk bills.
  return "idle";
}

function workOfRunning(row: InstanceRow, since: IdleSince, idleMinutes: number, nowS: number): Work {
  if (gpuUse(row) === undefined) return "unknown";
  const idleFromS = since[String(row.id)];
  return idleFromS !== undefined && nowS - idleFromS >= idleMinutes * 60 ? "idle" : "busy";
}
