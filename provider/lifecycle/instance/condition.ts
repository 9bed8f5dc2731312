import { BEFORE_FIRST_START, HOST_ERROR, IMAGE_ERROR, STOPPED_STATUSES } from "../../api/assumptions.ts";
import type { InstanceRow } from "../../api/instances.ts";

/**
 * What a contract's four status fields and its message mean together (vast-api.md 3.6).
 *
 * - `starting`: provisioning, pulling or booting.
 * - `running`
 * - `stopping`
 * - `stopped`: stopped on purpose, by us or by someone else.
 * - `preempted`: interruptible, outbid.
 * - `scheduling`: asked to run, its GPU is rented to another.
 * - `crashed`: the process ended while the contract runs.
 * - `expired`: past its end date.
 * - `image-error`: the image cannot be had; wrong on every host.
 * - `host-error`: this host cannot start the container; another may.
 * - `offline`: the host does not answer.
 */
export type Condition =
  | "starting"
  | "running"
  | "stopping"
  | "stopped"
  | "preempted"
  | "scheduling"
  | "crashed"
  | "expired"
  | "image-error"
  | "host-error"
  | "offline";

export function conditionOf(row: InstanceRow): Condition {
  const actual = row.actual_status;
  const wantsRunning = row.intended_status !== "stopped";
  if (actual === "offline" || actual === "unknown") return "offline";
  if (BEFORE_FIRST_START.has(actual)) return beforeFirstStart(row, wantsRunning);
  if (actual === "recycling") return "starting";
  if (actual !== null && STOPPED_STATUSES.has(actual)) return notRunning(row, wantsRunning);
  // running, rebooting, frozen: the container is there.
  return wantsRunning ? "running" : "stopping";
}

/** Its GPU went to a higher bid; one observer saw `intended_status` stay at running then (vast-api.md 3.6, 9.5). */
export function isOutbid(row: InstanceRow): boolean {
  const condition = conditionOf(row);
  return condition === "preempted" || (condition === "scheduling" && row.is_bid);
}

/** Not running, and not about to: by somebody's stop, an outbid or its end. */
export function isDown(row: InstanceRow): boolean {
  return ["stopped", "preempted", "expired"].includes(conditionOf(row));
}

/**
 * May something have run under this contract, and left results on its disk? Its status alone does not say: a container
 * that starts again is loading as if for the first time. Its metrics are null until it first runs.
 */
export function mayHaveRun(row: InstanceRow): boolean {
  return !BEFORE_FIRST_START.has(row.actual_status) || hasMetrics(row);
}

/** Null until it first runs: so it has run, whatever its host says now, or no longer says. */
export function hasMetrics(row: InstanceRow): boolean {
  return [row.gpu_util, row.gpu_temp, row.mem_usage].some((metric) => typeof metric === "number");
}

/** The last line from the host, short enough for a message. */
export function saidOf(row: InstanceRow): string {
  return (row.status_msg ?? "").trim().slice(0, 300);
}

function beforeFirstStart(row: InstanceRow, wantsRunning: boolean): Condition {
  const message = row.status_msg ?? "";
  if (IMAGE_ERROR.test(message)) return "image-error";
  if (HOST_ERROR.test(message) || !wantsRunning) return "host-error";
  return row.cur_state === "stopped" ? "scheduling" : "starting";
}

function notRunning(row: InstanceRow, wantsRunning: boolean): Condition {
  if (wantsRunning) return row.cur_state === "stopped" ? "scheduling" : "crashed";
  if (typeof row.duration === "number" && row.duration <= 0) return "expired";
  return row.is_bid ? "preempted" : "stopped";
}
