import { HOURS_PER_MONTH } from "pulumi-vast/internal/api/assumptions";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { usd } from "pulumi-vast/internal/fleet/place";
import { conditionOf } from "pulumi-vast/internal/lifecycle/instance/condition";
import { expiryOf } from "pulumi-vast/internal/lifecycle/instance/expiry";
import { markOf, parseVolumeName } from "pulumi-vast/internal/lifecycle/mark";
import { classify, type KnownResource, type Observed } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { billedDph } from "../billing.ts";
import { nameOf, type StackState } from "../stack/state.ts";
import type { AuditFinding } from "./finding.ts";

export interface Account {
  observed: Observed;
  known: StackState;
  /** Epoch seconds of the service. */
  nowS: number;
  /** Contracts and volumes that are known to belong to no stack, by agreement. */
  allowed: ReadonlySet<number>;
}

/** What no rule over a state can see: what bills in the account, whoever rented it. Other stacks' contracts are theirs to audit. */
export function auditAccount(account: Account): AuditFinding[] {
  const instances = new Map<number, KnownResource>(
    account.known.recorded
      .filter(({ type, id }) => type === "Instance" && id !== undefined)
      .map((resource) => [Number(resource.id), resource]),
  );
  return [
    ...[...account.observed.rows.values()].flatMap((row) => contractFindings(account, row, instances.get(row.id))),
    ...lossFindings(account),
    ...volumeFindings(account),
  ];
}

function contractFindings(
  { known, nowS, allowed }: Account,
  row: InstanceRow,
  recorded: KnownResource | undefined,
): AuditFinding[] {
  const mark = markOf(row);
  const isOurs = recorded !== undefined || mark?.startsWith(known.markPrefix);
  if (!isOurs && (mark !== undefined || allowed.has(row.id))) return [];
  const subject = recorded ? nameOf(recorded.urn) : `contract ${row.id}${row.label ? ` (${row.label})` : ""}`;
  const cost = billing(billedDph(row));
  const findings: AuditFinding[] = [];
  if (!isOurs)
    findings.push({
      rule: "contract-outside-any-stack",
      level: "mandatory",
      subject,
      message: `it belongs to no stack and ${cost}. Destroy it in the Vast console, take it into a stack (\`adopt\`), or say --allow ${row.id}.`,
    });
  const end = endOf(row, recorded);
  if (end !== undefined && end <= nowS)
    findings.push({
      rule: "contract-expired",
      level: "mandatory",
      subject,
      message: `contract ${row.id} was to end ${new Date(end * 1000).toISOString().slice(0, 16)}Z and ${cost}. Copy its results out and destroy it (pulumi destroy --target), or give it more time in the program.`,
    });
  if (isStopped(row) && billedDph(row) > 0)
    findings.push({
      rule: "contract-stopped-billing",
      // The rule stopped-bounded holds what the program wants stopped.
      level: recorded?.props.state === "stopped" ? "advisory" : "mandatory",
      subject,
      message: `contract ${row.id} is ${conditionOf(row)} and still ${cost} for its disk. Start it again (pulumi up), or copy out and destroy it.`,
    });
  return findings;
}

function endOf(row: InstanceRow, recorded: KnownResource | undefined): number | undefined {
  const wanted = recorded === undefined ? undefined : expiryOf(recorded.props, row);
  const ends = [wanted, row.end_date ?? undefined].filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

const STOPPED = new Set(["stopped", "preempted", "expired", "scheduling"]);

function isStopped(row: InstanceRow): boolean {
  return STOPPED.has(conditionOf(row));
}

function lossFindings({ observed, known }: Account): AuditFinding[] {
  const { orphans, missing, parked } = classify(observed, known);
  return [
    ...orphans.map(({ row }) => ({
      rule: "contract-lost",
      level: "mandatory" as const,
      subject: `contract ${row.id} (${row.label ?? ""})`,
      message: `it has this stack's mark, no state knows it, and it ${billing(billedDph(row))}. vast-fleet reconcile settles it.`,
    })),
    ...missing.map(({ resource }) => ({
      rule: "contract-gone",
      level: "advisory" as const,
      subject: nameOf(resource.urn),
      message: `${resource.id} is in the state and not in the account any more. pulumi up replaces it, vast-fleet reconcile --refresh drops it.`,
    })),
    ...parked.map(({ record, host }) => ({
      rule: "contract-parked",
      level: "advisory" as const,
      subject: `contract ${record.contract} (${record.label})`,
      message: `it was parked when its host went offline; the host is ${host}. vast-fleet reconcile settles it.`,
    })),
  ];
}

function volumeFindings({ observed, known, allowed }: Account): AuditFinding[] {
  const { orphanVolumes, idleVolumes } = classify(observed, known);
  const recorded = new Set(known.recorded.filter(({ type }) => type === "Volume").map(({ id }) => Number(id)));
  const strange = observed.volumes.filter(
    ({ id, label }) => !recorded.has(id) && parseVolumeName(label) === undefined && !allowed.has(id),
  );
  return [
    ...strange.map(({ id, label, storage_total_cost }) => ({
      rule: "volume-outside-any-stack",
      level: "mandatory" as const,
      subject: `volume ${id}${label ? ` (${label})` : ""}`,
      message: `it belongs to no stack and ${billing(storage_total_cost ?? 0)}. Delete it in the Vast console, or say --allow ${id}.`,
    })),
    ...orphanVolumes.map(({ row, name }) => ({
      rule: "volume-lost",
      level: "mandatory" as const,
      subject: `volume ${row.id} (${name})`,
      message: `it has this stack's mark, no state knows it, and it ${billing(row.storage_total_cost ?? 0)}. vast-fleet reconcile settles it.`,
    })),
    ...idleVolumes.map(({ row, resource }) => ({
      rule: "volume-idle",
      level: "advisory" as const,
      subject: nameOf(resource.urn),
      message: `no instance uses it and it ${billing(row.storage_total_cost ?? 0)}.`,
    })),
  ];
}

function billing(dph: number): string {
  return `bills ${usd(dph * HOURS_PER_MONTH)} a month`;
}
