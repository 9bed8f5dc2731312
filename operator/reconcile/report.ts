import { usd } from "pulumi-vast/internal/fleet/place";
import { conditionOf } from "pulumi-vast/internal/lifecycle/instance/condition";
import { machineFactsOf } from "pulumi-vast/internal/lifecycle/instance/outputs";
import type { Findings, Orphan, OrphanVolume, SettledBy } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { billedDph } from "../billing.ts";
import { coloured, table } from "../terminal.ts";

const SETTLED_BY: Readonly<Record<SettledBy | "spare", string>> = {
  up: "`pulumi up`, or --adopt, takes it up by its mark; nothing is rented",
  unfinished: "an update is under way or was cut short; `pulumi up` settles it",
  destroy: "no resource asks for it: --destroy",
  unsure: "the program could not be asked: put that right, or --destroy with the id",
  spare: "a second one beside the contract that counts: --destroy",
};

const HOSTS = {
  back: "its host is back: --destroy copies its results out and destroys it",
  offline: "its host is still offline and it bills nothing: wait",
  gone: "somebody destroyed it elsewhere: --destroy clears its record",
};

/** What was found and what to do about it, for a person. */
export function describeFindings(stack: string, findings: Findings): string {
  const parts = [orphans(findings), missing(findings), parked(findings), volumes(findings), idle(findings)].filter(
    (part) => part !== undefined,
  );
  if (parts.length === 0) return coloured("green", `Stack ${stack}: state and account agree.`);
  return parts.join("\n\n");
}

function orphans({ orphans }: Findings): string | undefined {
  if (orphans.length === 0) return undefined;
  const rows = orphans.map((orphan) => [
    String(orphan.row.id),
    orphan.row.label ?? "",
    date(orphan.row.start_date == null ? undefined : orphan.row.start_date * 1000),
    conditionOf(orphan.row),
    usd(billedDph(orphan.row)),
    resultsOf(orphan),
    wayOf(orphan),
  ]);
  return [
    coloured("yellow", `${count(orphans.length, "contract")} of this stack that its state does not know:`),
    table(["Contract", "Label", "Since", "Status", "$/h now", "Results", "Settled by"], rows),
    legend(SETTLED_BY, orphans.map(wayOf)),
    ...(orphans.map(resultsOf).includes(UNKNOWN_RESULTS)
      ? [`  ${UNKNOWN_RESULTS}: with --destroy say --target and --paths, or --waive`]
      : []),
  ].join("\n");
}

const UNKNOWN_RESULTS = "unknown";

function resultsOf({ mayHaveRun, copyOut }: Orphan): string {
  if (!mayHaveRun) return "never ran";
  if (copyOut?.waive !== undefined) return "waived";
  return copyOut?.target ? `to ${copyOut.target.prefix}` : UNKNOWN_RESULTS;
}

function wayOf({ duplicateOf, settledBy }: Orphan): keyof typeof SETTLED_BY {
  return duplicateOf === undefined ? settledBy : "spare";
}

/** What the words of a column mean, of those that occur. */
function legend<Word extends string>(meanings: Readonly<Record<Word, string>>, words: readonly Word[]): string {
  return [...new Set(words)].map((word) => `  ${word}: ${meanings[word]}`).join("\n");
}

function missing({ missing }: Findings): string | undefined {
  if (missing.length === 0) return undefined;
  const rows = missing.map(({ resource, successor }) => [
    resource.urn.split("::").at(-1) ?? resource.urn,
    `${resource.type} ${resource.id}`,
    successor === undefined
      ? "--refresh drops it; `pulumi up` rents anew"
      : `--refresh, then \`pulumi up\` takes up ${successor}`,
  ]);
  return [
    coloured("yellow", `${count(missing.length, "state entry", "state entries")} whose contract or volume is gone:`),
    table(["Resource", "Was", "To do"], rows),
  ].join("\n");
}

function parked({ parked }: Findings): string | undefined {
  if (parked.length === 0) return undefined;
  const rows = parked.map(({ record, host }) => [
    String(record.contract),
    record.label,
    date(Date.parse(record.since)),
    usd(record.dph),
    host,
  ]);
  return [
    coloured("yellow", `${count(parked.length, "parked contract")}:`),
    table(["Contract", "Label", "Since", "$/h when back", "Host"], rows),
    legend(
      HOSTS,
      parked.map(({ host }) => host),
    ),
  ].join("\n");
}

function volumes({ orphanVolumes }: Findings): string | undefined {
  if (orphanVolumes.length === 0) return undefined;
  const rows = orphanVolumes.map(({ row, name, settledBy }) => [
    String(row.id),
    name,
    `${row.disk_space} GB`,
    usd(row.storage_total_cost ?? 0),
    users(row.instances),
    settledBy,
  ]);
  return [
    coloured("yellow", `${count(orphanVolumes.length, "volume")} of this stack that its state does not know:`),
    table(["Volume", "Name", "Size", "$/h", "Used by", "Settled by"], rows),
    legend(
      SETTLED_BY,
      orphanVolumes.map(({ settledBy }) => settledBy),
    ),
  ].join("\n");
}

function idle({ idleVolumes }: Findings): string | undefined {
  if (idleVolumes.length === 0) return undefined;
  const rows = idleVolumes.map(({ row, resource }) => [
    String(row.id),
    String(resource.props.name ?? ""),
    `${row.disk_space} GB`,
    usd(row.storage_total_cost ?? 0),
  ]);
  return [
    `${count(idleVolumes.length, "volume")} that no instance uses (they bill all the same):`,
    table(["Volume", "Name", "Size", "$/h"], rows),
  ].join("\n");
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function users(instances: readonly number[] | null | undefined): string {
  return (instances ?? []).join(", ") || "nobody";
}

function date(epochMs: number | undefined): string {
  return epochMs === undefined ? "?" : new Date(epochMs).toISOString().slice(0, 16).replace("T", " ");
}

/** The same for programs (docs/operator.md). Environments stay out: they may hold secrets. */
export function findingsJson({
  orphans,
  missing,
  parked,
  orphanVolumes,
  idleVolumes,
}: Findings): Record<string, unknown> {
  return {
    orphans: orphans.map(orphanJson),
    missing: missing.map(({ resource, successor }) => ({
      urn: resource.urn,
      type: resource.type,
      id: resource.id,
      successor,
    })),
    parked: parked.map(({ record, host }) => ({
      contract: record.contract,
      label: record.label,
      since: record.since,
      dph: record.dph,
      host,
    })),
    orphanVolumes: orphanVolumes.map(volumeJson),
    idleVolumes: idleVolumes.map(({ row, resource }) => ({
      volume: row.id,
      urn: resource.urn,
      dph: row.storage_total_cost,
    })),
  };
}

function orphanJson({ row, mark, mayHaveRun, resource, copyOut, settledBy, duplicateOf }: Orphan): object {
  const { contractId, machineId, gpu, dph } = machineFactsOf(row);
  return {
    contract: contractId,
    label: row.label,
    mark,
    machine: machineId,
    gpu,
    status: conditionOf(row),
    startedAt: row.start_date == null ? undefined : new Date(row.start_date * 1000).toISOString(),
    dph,
    billedDph: billedDph(row),
    mayHaveRun,
    copyOut: copyOut && {
      waive: copyOut.waive,
      bucket: copyOut.target?.bucket,
      prefix: copyOut.target?.prefix,
      paths: copyOut.paths,
    },
    urn: resource?.urn,
    settledBy,
    duplicateOf,
  };
}

function volumeJson({ row, name, resource, settledBy }: OrphanVolume): object {
  return {
    volume: row.id,
    name,
    machine: row.machine_id,
    dph: row.storage_total_cost,
    instances: row.instances ?? [],
    urn: resource?.urn,
    settledBy,
  };
}
