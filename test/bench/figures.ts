import { writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import Table from "cli-table3";

export interface Latency {
  calls: number;
  p50Ms: number;
  p90Ms: number;
  p99Ms: number;
  maxMs: number;
}

/** Nearest rank: the smallest value that at least this share of all values does not exceed. */
export function percentile(sorted: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export function latencyOf(samplesMs: readonly number[]): Latency {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  return {
    calls: sorted.length,
    p50Ms: tenths(percentile(sorted, 0.5)),
    p90Ms: tenths(percentile(sorted, 0.9)),
    p99Ms: tenths(percentile(sorted, 0.99)),
    maxMs: tenths(sorted.at(-1) ?? Number.NaN),
  };
}

export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

export function mib(bytes: number): number {
  return tenths(bytes / 2 ** 20);
}

/** What the figures were measured on: timings mean little without it. */
export function machine(): { cores: number; load1: number; node: string } {
  return { cores: availableParallelism(), load1: tenths(loadavg()[0] ?? 0), node: process.version };
}

export interface Target {
  name: string;
  value: number;
  limit: number;
  met: boolean;
}

export function atMost(name: string, value: number, limit: number): Target {
  return { name, value, limit, met: value <= limit };
}

export function table(head: string[], rows: (string | number)[][]): void {
  const drawn = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: ["left", ...head.slice(1).map(() => "right" as const)],
  });
  drawn.push(...rows);
  console.log(drawn.toString());
}

/** Prints the targets, writes everything, and makes a missed target the exit code. */
export function conclude(figures: Record<string, unknown>, targets: Target[], json: string | undefined): void {
  table(
    ["target", "measured", "at most", ""],
    targets.map(({ name, value, limit, met }) => [name, value, limit, met ? "met" : "MISSED"]),
  );
  if (json) writeFileSync(json, `${JSON.stringify({ ...figures, targets }, null, 2)}\n`);
  if (targets.some(({ met }) => !met)) process.exitCode = 1;
}
