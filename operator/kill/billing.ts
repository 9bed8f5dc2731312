import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { listVolumes } from "pulumi-vast/internal/api/volumes";
import type { Context } from "pulumi-vast/internal/context";
import { usd } from "pulumi-vast/internal/fleet/place";
import { billedDph } from "../billing.ts";
import { table } from "../terminal.ts";

export interface Billing {
  what: "contract" | "volume";
  id: number;
  label: string;
  /** USD/h. */
  dph: number;
}

/** Everything in the account that still costs money, whoever it belongs to. */
export async function stillBilling(context: Context): Promise<Billing[]> {
  const { rows } = await context.sweeper.since(context.clock.elapsedS());
  const volumes = await context.transport.call(listVolumes);
  return [
    ...[...rows.values()].map((row: InstanceRow) => ({
      what: "contract" as const,
      id: row.id,
      label: row.label ?? "",
      dph: billedDph(row),
    })),
    ...volumes.map(({ id, label, storage_total_cost }) => ({
      what: "volume" as const,
      id,
      label: label ?? "",
      dph: storage_total_cost ?? 0,
    })),
  ];
}

export function describeBilling(billing: readonly Billing[]): string {
  if (billing.length === 0) return "Nothing in this account bills any more.";
  const total = billing.reduce((sum, { dph }) => sum + dph, 0);
  const rows = billing.map(({ what, id, label, dph }) => [what, String(id), label, dph.toFixed(4)]);
  return `Still billing in this account:\n${table(["What", "Id", "Label", "$/h"], rows)}\nTogether ${usd(total)}/h.`;
}
