import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { type Condition, conditionOf, hasMetrics, saidOf } from "pulumi-vast/internal/lifecycle/instance/condition";
import type { InstanceInputs } from "pulumi-vast/internal/lifecycle/instance/inputs";
import { type FatalKind, fatalIn, type LogPatterns, type LogReading } from "./log.ts";

/** One worker that the program declares, joined with what the state and the service say of it. */
export interface WatchedWorker {
  /** Its name in the program, and its label unless the program says otherwise. */
  name: string;
  fleet: string;
  urn: string;
  /** What the program asked for, as the state records it; undefined for one that was never rented. */
  inputs: Partial<InstanceInputs> | undefined;
  contract: number | undefined;
  /** Epoch seconds after which it shall not run any more. */
  expiry?: number | undefined;
  /** Undefined where there is no contract, or it is proven gone. */
  row: InstanceRow | undefined;
}

/** What is seen of a worker at one look. */
export interface Sight {
  worker: WatchedWorker;
  /** Undefined where the log was not looked at or could not be had: then nothing follows from it. */
  log?: LogReading | undefined;
  /** Of one that is out of GPU memory: whether the market has a machine with more that meets its criteria. */
  larger?: boolean;
}

/**
 * The one thing to act on, the gravest first; the rules of repair (rules.ts) say what follows from each.
 * `setup`, `boot` and `progress` are phases that last too long, and only then a sign of something.
 */
export type Sign =
  | "asleep"
  | "past-expiry"
  | "over-price"
  | "gone"
  | "offline"
  | "preempted"
  | "expired"
  | "queued"
  | "host-error"
  | "crashed"
  | "stopped"
  | FatalKind
  | "boot"
  | "setup"
  | "progress"
  | "unknown-log"
  | "running";

const PRICE_TOLERANCE = 1e-6;

export function signOf({ worker, log }: Sight, patterns: LogPatterns, nowS: number): Sign {
  const { inputs, row, expiry } = worker;
  if (inputs?.state === "stopped") return "asleep";
  if (expiry !== undefined && nowS > expiry) return "past-expiry";
  if (row === undefined) return "gone";
  if (isOverPrice(row, inputs)) return "over-price";
  const condition = conditionOf(row);
  return BY_ITSELF[condition] ?? withReason(condition, row, log, patterns);
}

/** Conditions that no log explains further. */
const BY_ITSELF: Partial<Record<Condition, Sign>> = {
  offline: "offline",
  preempted: "preempted",
  expired: "expired",
  "image-error": "image",
};

/** Why it ended decides what helps: the log says it, or the host's last words. */
function withReason(condition: Condition, row: InstanceRow, log: LogReading | undefined, patterns: LogPatterns): Sign {
  if (condition === "scheduling") return "queued";
  if (condition === "starting") return fatalIn(saidOf(row), patterns) ?? "boot";
  if (condition === "host-error") return fatalIn(saidOf(row), patterns) ?? "host-error";
  if (condition === "crashed") return specific(log) ?? fatalIn(saidOf(row), patterns) ?? "crashed";
  if (condition === "stopped") return "stopped";
  if (condition === "stopping" || log === undefined) return "running";
  return log.fatal?.kind ?? IN_PHASE[log.phase];
}

/** An exception of its own making says no more than that it crashed. */
function specific(log: LogReading | undefined): Sign | undefined {
  return log?.fatal === undefined || log.fatal.kind === "fatal" ? undefined : log.fatal.kind;
}

/** A running worker is judged by whether its progress goes on. */
const IN_PHASE: Record<LogReading["phase"], Sign> = {
  EMPTY: "setup",
  SETUP: "setup",
  UNKNOWN: "unknown-log",
  WAIT: "progress",
  RUNNING: "progress",
};

function isOverPrice(row: InstanceRow, inputs: Partial<InstanceInputs> | undefined): boolean {
  const cap = inputs?.offer?.maxDph;
  return cap !== undefined && row.dph_total > cap + PRICE_TOLERANCE;
}

/** The runbook's word for it, for people. */
export function phaseOf({ worker, log }: Sight): string {
  if (worker.row === undefined) return "GONE";
  const condition = conditionOf(worker.row);
  if (condition === "starting") return "BOOT";
  if (condition !== "running") return condition.toUpperCase();
  if (log?.fatal !== undefined) return "FATAL";
  return log === undefined || log.phase === "UNKNOWN" ? "RUNNING" : log.phase === "EMPTY" ? "SETUP" : log.phase;
}

/** Epoch seconds since when a sign holds at the least, where the service itself knows it. */
export function knownSince(sign: Sign, { row }: WatchedWorker): number | undefined {
  // Later boots of the same contract began at a time that nobody tells.
  return sign === "boot" && row !== undefined && !hasMetrics(row) ? (row.start_date ?? undefined) : undefined;
}
