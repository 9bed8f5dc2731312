import { HOURS_PER_MONTH } from "pulumi-vast/internal/api/assumptions";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { usd } from "pulumi-vast/internal/fleet/place";
import { conditionOf } from "pulumi-vast/internal/lifecycle/instance/condition";
import { machineFactsOf } from "pulumi-vast/internal/lifecycle/instance/outputs";
import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { classify, type Findings, type StackKnowledge } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { survey } from "pulumi-vast/internal/lifecycle/reconcile/survey";
import { billedDph } from "./billing.ts";
import { contextOf } from "./context.ts";
import type { FleetEntry } from "./fleet/config.ts";
import type { CommonOptions } from "./options.ts";
import { openStack } from "./stack.ts";
import { coloured, EXIT, printJson, progress, table } from "./terminal.ts";

export async function status(prefix: string | undefined, options: CommonOptions): Promise<number> {
  const stack = await openStack(options);
  const context = contextOf(stack, progress);
  const { observed, known } = await survey(context, () => stack.knowledge());
  const findings = classify(observed, known);
  const shown = overview(observed.rows, known, findings, prefix);
  if (options.json) printJson({ stack: stack.name, ...shown });
  else print(shown, stack.fleets.read());
  const odd = findings.missing.length > 0 || shown.instances.some(({ note }) => note !== "");
  return odd ? EXIT.partial : EXIT.ok;
}

export interface Overview {
  instances: Line[];
  volumes: VolumeLine[];
  total: Total;
}

/** With a prefix, contracts whose label has it; volumes belong to none. */
export function overview(
  rows: ReadonlyMap<number, InstanceRow>,
  known: Pick<StackKnowledge, "recorded">,
  findings: Findings,
  prefix: string | undefined,
): Overview {
  const instances = linesOf(rows, known, findings).filter(({ label }) => matchesPrefix(label, prefix));
  const volumes = prefix === undefined ? volumesOf(findings) : [];
  return { instances, volumes, total: totalOf([...instances, ...volumes]) };
}

interface Line {
  contract: number;
  label: string;
  gpu: string;
  status: string;
  /** USD/h billed now. */
  dph: number;
  ssh: string;
  /** "lost" or "parked"; empty for what the state knows. */
  note: "" | "lost" | "parked";
}

function linesOf(
  rows: ReadonlyMap<number, InstanceRow>,
  known: Pick<StackKnowledge, "recorded">,
  findings: Findings,
): Line[] {
  const recorded = known.recorded.filter(({ type }) => type === "Instance").map(({ id }) => Number(id));
  const parked = findings.parked.map(({ record }) => record.contract);
  const orphans = findings.orphans.map(({ row }) => row.id);
  const notes = new Map<number, Line["note"]>([
    ...recorded.map((id) => [id, ""] as const),
    ...orphans.map((id) => [id, "lost"] as const),
    ...parked.map((id) => [id, "parked"] as const),
  ]);
  return [...notes]
    .flatMap(([id, note]) => {
      const row = rows.get(id);
      return row ? [lineOf(row, note)] : [];
    })
    .toSorted((a, b) => a.label.localeCompare(b.label, "en", { numeric: true }) || a.contract - b.contract);
}

function lineOf(row: InstanceRow, note: Line["note"]): Line {
  const { contractId, gpu, sshCommand } = machineFactsOf(row);
  const label = row.label ?? "";
  return { contract: contractId, label, gpu, status: conditionOf(row), dph: billedDph(row), ssh: sshCommand, note };
}

interface VolumeLine {
  volume: number;
  name: string;
  status: "idle" | "lost";
  /** USD/h. */
  dph: number;
}

/** Volumes in use are their instances' business; these bill for nothing. */
function volumesOf({ idleVolumes, orphanVolumes }: Findings): VolumeLine[] {
  const idle = idleVolumes.map(({ row }) => ({
    volume: row.id,
    name: row.label ?? "",
    status: "idle" as const,
    dph: row.storage_total_cost ?? 0,
  }));
  const lost = orphanVolumes.map(({ row, name }) => ({
    volume: row.id,
    name,
    status: "lost" as const,
    dph: row.storage_total_cost ?? 0,
  }));
  return [...idle, ...lost];
}

interface Total {
  /** USD/h, USD/day, USD per 720-hour month. */
  dph: number;
  perDay: number;
  perMonth: number;
  /** USD per month of what does not run. */
  stoppedPerMonth: number;
}

function totalOf(lines: readonly { dph: number; status: string }[]): Total {
  const sum = (of: typeof lines) => of.reduce((total, { dph }) => total + dph, 0);
  const dph = sum(lines);
  const stopped = sum(lines.filter(({ status }) => !["running", "starting", "stopping"].includes(status)));
  return {
    dph,
    perDay: dph * 24,
    perMonth: dph * HOURS_PER_MONTH,
    stoppedPerMonth: stopped * HOURS_PER_MONTH,
  };
}

function print({ instances, volumes, total }: Overview, fleets: Readonly<Record<string, FleetEntry>>): void {
  if (instances.length === 0) console.log(`No instances.${whatToDo(fleets)}`);
  else
    console.log(
      table(
        ["Label", "GPU", "Status", "$/h", "Contract", "SSH"],
        instances.map(({ label, gpu, status, dph, contract, ssh, note }) => [
          label,
          gpu,
          note === "" ? status : coloured("yellow", `${status}, ${note}`),
          dph.toFixed(3),
          String(contract),
          ssh,
        ]),
      ),
    );
  if (volumes.length > 0)
    console.log(
      table(
        ["Volume", "Status", "$/h", "Id"],
        volumes.map(({ name, status, dph, volume }) => [name, status, dph.toFixed(4), String(volume)]),
      ),
    );
  console.log(`Total: ${usd(total.dph)}/h, ${usd(total.perDay)}/day, ${usd(total.perMonth)}/month as it is now.`);
  if (total.stoppedPerMonth > 0) console.log(`What does not run costs ${usd(total.stoppedPerMonth)}/month of that.`);
  if (instances.some(({ note }) => note !== ""))
    console.log(coloured("yellow", "Some are lost or parked: see vast-fleet reconcile."));
}

function whatToDo(fleets: Readonly<Record<string, FleetEntry>>): string {
  const wanted = Object.entries(fleets).filter(([, { workers }]) => workers > 0);
  if (wanted.length === 0) return "";
  const sizes = wanted.map(([name, { workers }]) => `${name} ${workers}`).join(", ");
  return ` The config asks for workers (${sizes}): vast-fleet plan shows what they would cost, vast-fleet up rents them.`;
}
