import { keyPrefix } from "../../provider/copy-out/compare.ts";
import type { Binding } from "../../provider/copy-out/inputs.ts";
import { markOf, type RunWorld, type SeenContract, type SeenEvent, STARTED_AT_S } from "../faults/run-world.ts";
import type { RunBucket } from "../faults/storage.ts";
import type { Incident } from "./incidents.ts";

/** Seconds within which a worker has to run again (incident runbook). */
export const TARGETS_S = { preemption: 600, crash: 300, gpu: 900 } as const;

export interface Recovery {
  kind: Incident["kind"];
  worker: string;
  /** Seconds until the worker ran again; undefined: it never did. */
  seconds: number | undefined;
  targetS: number | undefined;
}

export interface NightFigures {
  /** Seconds for which so many workers ran, by their number. */
  fleetSizeS: Record<number, number>;
  /** Share of the wanted worker hours that were had. */
  presence: number;
  rentals: number;
  recoveries: Recovery[];
  checkpointsLost: string[];
  duplicateRentals: string[];
  /** USD. */
  cost: number;
  workerHours: number;
}

export interface Evidence {
  world: RunWorld;
  bucket: RunBucket;
  binding: Binding;
  incidents: readonly Incident[];
  endS: number;
  workers: number;
}

/** Everything from the simulator's ledger and from the bucket; nothing from what the monitor says of itself. */
export async function judge(evidence: Evidence): Promise<NightFigures> {
  const { world, incidents, endS, workers } = evidence;
  const contracts = (await world.contracts()).filter((contract) => markOf(contract) !== undefined);
  const spans = runningSpans(await world.events(), contracts, endS);
  const fleetSizeS = sizes(spans, endS);
  const hours = contracts.reduce((sum, { runningSeconds }) => sum + runningSeconds, 0) / 3600;
  const bill = await world.admin<{ totalUsd: number }>("GET", "/bill");
  return {
    fleetSizeS,
    presence: hours / ((workers * (endS - STARTED_AT_S)) / 3600),
    rentals: contracts.length,
    recoveries: incidents.flatMap((incident) => recoveryOf(incident, spans)),
    checkpointsLost: await lost(evidence, contracts),
    duplicateRentals: duplicates(contracts),
    cost: bill.totalUsd,
    workerHours: hours,
  };
}

interface Span {
  contract: SeenContract;
  fromS: number;
  toS: number;
}

function runningSpans(events: readonly SeenEvent[], contracts: readonly SeenContract[], endS: number): Span[] {
  return contracts.flatMap((contract) => {
    const spans: Span[] = [];
    let fromS: number | undefined;
    for (const { at, kind, ...detail } of events) {
      if (detail.contract !== contract.id) continue;
      const runs = runsAfter(kind, detail);
      if (runs === undefined) continue;
      if (runs) fromS ??= at;
      else if (fromS !== undefined) {
        spans.push({ contract, fromS, toS: at });
        fromS = undefined;
      }
    }
    return fromS === undefined ? spans : [...spans, { contract, fromS, toS: contract.destroyedAt ?? endS }];
  });
}

function runsAfter(kind: string, detail: Record<string, unknown>): boolean | undefined {
  if (kind === "destroyed") return false;
  const actual = detail.actual;
  return typeof actual === "string" || actual === null ? actual === "running" : undefined;
}

function sizes(spans: readonly Span[], endS: number): Record<number, number> {
  const edges = [...new Set([STARTED_AT_S, endS, ...spans.flatMap(({ fromS, toS }) => [fromS, toS])])]
    .filter((atS) => atS >= STARTED_AT_S && atS <= endS)
    .toSorted((a, b) => a - b);
  const result: Record<number, number> = {};
  for (const [index, fromS] of edges.slice(0, -1).entries()) {
    const toS = edges[index + 1] ?? endS;
    const size = spans.filter((span) => span.fromS <= fromS && span.toS >= toS).length;
    result[size] = (result[size] ?? 0) + toS - fromS;
  }
  return result;
}

function recoveryOf({ kind, atS, worker, contract }: Incident, spans: readonly Span[]): Recovery[] {
  if (worker === undefined || contract === undefined) return [];
  const ended = spans.find((span) => span.contract.id === contract && span.toS >= atS);
  const fromS = ended?.toS ?? atS;
  const again = spans
    .filter((span) => span.contract.label === worker && span !== ended && span.fromS >= fromS)
    .map((span) => span.fromS);
  return [
    { kind, worker, seconds: again.length === 0 ? undefined : Math.min(...again) - fromS, targetS: targetOf(kind) },
  ];
}

function targetOf(kind: Incident["kind"]): number | undefined {
  if (kind === "crash") return TARGETS_S.crash;
  if (kind === "preemption") return TARGETS_S.preemption;
  // A host that is lost, or whose GPU cannot be used: another host within a quarter of an hour.
  return kind === "dud" || kind === "host-loss" ? TARGETS_S.gpu : undefined;
}

/** What was on a disk when it was destroyed, and is not in the bucket with the same content. */
async function lost({ bucket, binding }: Evidence, contracts: readonly SeenContract[]): Promise<string[]> {
  const stored = new Map((await bucket.objects()).map(({ key, sha256 }) => [key, sha256]));
  return contracts.flatMap((contract) =>
    contract.filesAtDestroy
      .filter(({ path }) => path.startsWith("/workspace/checkpoints/"))
      .filter(({ path, sha256 }) => stored.get(`${keyPrefix(binding.prefix, contract.id, path)}`) !== sha256)
      .map(({ path }) => `contract ${contract.id}: ${path}`),
  );
}

/** Two contracts of one worker that could both have been used: one on a lost host is parked, and bills nothing. */
function duplicates(contracts: readonly SeenContract[]): string[] {
  const alive = contracts.filter(({ destroyedAt, actual }) => destroyedAt === null && actual === "running");
  const seen = new Set<string>();
  return alive.flatMap((contract) => {
    const mark = markOf(contract) ?? "";
    if (seen.has(mark)) return [`${contract.label}: contract ${contract.id} besides another`];
    seen.add(mark);
    return [];
  });
}
