import { keyPrefix } from "../../provider/copy-out/compare.ts";
import type { Binding } from "../../provider/copy-out/inputs.ts";
import { markOf, type SeenContract, type SeenEvent } from "../faults/run-world.ts";
import type { RunBucket } from "../faults/storage.ts";
import type { Incident, NightWorld, Span } from "./incidents.ts";

/** Seconds within which a worker has to run again, or all billing has to end (incident runbook). */
export const TARGETS_S = { preemption: 600, crash: 300, gpu: 900, billing: 60 } as const;

/** The fleet's size is shown for each span of so many seconds. */
const SLOT_S = 600;

export interface Recovery {
  kind: Incident["kind"];
  worker: string;
  /** Seconds until the worker ran again; undefined: it never did. */
  seconds: number | undefined;
  targetS: number | undefined;
}

export interface NightFigures {
  /** Seconds for which so many workers ran, by their number; two contracts of one worker are one. */
  fleetSizeS: Record<number, number>;
  /** The fewest that ran in each ten minutes. */
  fewest: number[];
  /** Incidents that found nothing to strike. */
  missed: string[];
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
  world: NightWorld;
  bucket: Pick<RunBucket, "objects">;
  binding: Pick<Binding, "prefix">;
  incidents: readonly Incident[];
  /** Of the whole night. */
  span: Span;
  workers: number;
}

/** Everything from the simulator's ledger and from the bucket; nothing from what the monitor says of itself. */
export async function judge(evidence: Evidence): Promise<NightFigures> {
  const { world, incidents, span, workers } = evidence;
  const { startS, endS } = span;
  const contracts = (await world.contracts()).filter((contract) => markOf(contract) !== undefined);
  const events = await world.events();
  const spans = runningSpans(events, contracts, endS);
  const sizes = sizesOf(spans, span);
  const present = sizes.reduce((sum, { fromS, toS, size }) => sum + size * (toS - fromS), 0);
  const hours = contracts.reduce((sum, { runningSeconds }) => sum + runningSeconds, 0) / 3600;
  const bill = await world.admin<{ totalUsd: number }>("GET", "/bill");
  return {
    fleetSizeS: secondsBySize(sizes),
    fewest: fewestOf(sizes, span),
    missed: incidents.filter(({ contract }) => contract === undefined).map(({ kind }) => kind),
    presence: present / (workers * (endS - startS)),
    rentals: contracts.length,
    recoveries: incidents.flatMap((incident) => recoveryOf(incident, spans)),
    checkpointsLost: await lost(evidence, contracts),
    duplicateRentals: duplicates(contracts, events),
    cost: bill.totalUsd,
    workerHours: hours,
  };
}

interface Run {
  contract: SeenContract;
  fromS: number;
  toS: number;
}

function runningSpans(events: readonly SeenEvent[], contracts: readonly SeenContract[], endS: number): Run[] {
  return contracts.flatMap((contract) => {
    const spans: Run[] = [];
    let fromS: number | undefined;
    for (const event of events) {
      const { at } = event;
      const runs = runsAfter(event, contract);
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

function runsAfter({ kind, actual, ...about }: SeenEvent, { id, machineId }: SeenContract): boolean | undefined {
  // The row shows it minutes later.
  if (kind === "host-offline" && about.machineId === machineId) return false;
  if (about.contract !== id) return undefined;
  if (kind === "destroyed") return false;
  return typeof actual === "string" || actual === null ? actual === "running" : undefined;
}

interface Size {
  fromS: number;
  toS: number;
  size: number;
}

function sizesOf(spans: readonly Run[], { startS, endS }: Span): Size[] {
  const edges = [...new Set([startS, endS, ...spans.flatMap(({ fromS, toS }) => [fromS, toS])])]
    .filter((atS) => atS >= startS && atS <= endS)
    .toSorted((a, b) => a - b);
  return edges.slice(0, -1).map((fromS, index) => {
    const toS = edges[index + 1] ?? endS;
    const there = spans.filter((span) => span.fromS <= fromS && span.toS >= toS);
    return { fromS, toS, size: new Set(there.map(({ contract }) => contract.label)).size };
  });
}

function secondsBySize(sizes: readonly Size[]): Record<number, number> {
  const result: Record<number, number> = {};
  for (const { fromS, toS, size } of sizes) result[size] = (result[size] ?? 0) + toS - fromS;
  return result;
}

function fewestOf(sizes: readonly Size[], { startS, endS }: Span): number[] {
  return Array.from({ length: Math.ceil((endS - startS) / SLOT_S) }, (_, slot) => {
    const fromS = startS + slot * SLOT_S;
    const during = sizes.filter((size) => size.fromS < fromS + SLOT_S && size.toS > fromS);
    return Math.min(...during.map(({ size }) => size));
  });
}

function recoveryOf({ kind, atS, fromS, worker, contract }: Incident, spans: readonly Run[]): Recovery[] {
  if (contract === undefined) return [];
  const ended = spans.find((span) => span.contract.id === contract && span.toS >= atS);
  const endedS = ended?.toS ?? atS;
  const again = spans
    .filter((span) => span.contract.label === worker && span !== ended && span.fromS >= endedS)
    .map((span) => span.fromS);
  const seconds = again.length === 0 ? undefined : Math.max(0, Math.min(...again) - Math.max(fromS, endedS));
  return [{ kind, worker, seconds, targetS: targetOf(kind) }];
}

function targetOf(kind: Incident["kind"]): number | undefined {
  if (kind === "crash") return TARGETS_S.crash;
  if (kind === "preemption" || kind === "outage") return TARGETS_S.preemption;
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

/** Rented although the worker had a contract: one on a lost host is parked and bills nothing, any other could be used. */
function duplicates(contracts: readonly SeenContract[], events: readonly SeenEvent[]): string[] {
  return contracts.flatMap((later) => {
    const before = contracts.filter(
      (one) =>
        one.id < later.id &&
        markOf(one) === markOf(later) &&
        (one.destroyedAt ?? Number.POSITIVE_INFINITY) > later.startDate &&
        !isSilent(events, one.machineId, later.startDate),
    );
    return before.map(({ id }) => `${later.label}: contract ${later.id} besides ${id}`);
  });
}

function isSilent(events: readonly SeenEvent[], machine: number, atS: number): boolean {
  const ofHost = ({ kind, machineId, at }: SeenEvent) => kind.startsWith("host-") && machineId === machine && at <= atS;
  return events.findLast(ofHost)?.kind === "host-offline";
}
