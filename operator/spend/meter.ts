import { type Charge, type ChargeSpan, listCharges } from "pulumi-vast/internal/api/charges";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import type { Transport } from "pulumi-vast/internal/api/transport";
import { z } from "zod";

/**
 * What a look at the account showed of a contract. Charges come hours after the use they are for (vast-api.md 6.5); what was
 * seen bridges that time, and is never below the truth: the all-in price, from the rental until it was missed.
 */
export const seenSchema = z.object({
  label: z.string(),
  /** USD/h, all-in; the highest seen. */
  dph: z.number(),
  /** Epoch seconds. */
  startS: z.number(),
  seenS: z.number(),
  goneS: z.number().optional(),
});
export type Seen = z.infer<typeof seenSchema>;
/** By contract id. */
export type SeenContracts = Record<string, Seen>;

const DAY_S = 86_400;
/** A month's budget looks back this far, and a little. */
const REMEMBERED_S = 40 * DAY_S;
/** From then on the charges of a contract that is gone are taken to be complete. */
const SETTLED_AFTER_S = DAY_S;

/** The earlier looks and this one. Rows: those of the stack that is looked at, all of them. */
export function look(earlier: SeenContracts, rows: readonly InstanceRow[], nowS: number): SeenContracts {
  const present = new Map(rows.map((row) => [String(row.id), row]));
  const kept = Object.entries(earlier)
    .filter(([, { goneS }]) => goneS === undefined || nowS - goneS < REMEMBERED_S)
    .map(([id, seen]): [string, Seen] =>
      present.has(id) || seen.goneS !== undefined ? [id, seen] : [id, { ...seen, goneS: nowS }],
    );
  const now = [...present].map(([id, row]): [string, Seen] => {
    const before = earlier[id];
    return [
      id,
      {
        label: row.label ?? before?.label ?? "",
        dph: Math.max(row.dph_total, before?.dph ?? 0),
        startS: before?.startS ?? row.start_date ?? nowS,
        seenS: nowS,
      },
    ];
  });
  return Object.fromEntries([...kept, ...now]);
}

/** USD that each contract or volume cost in a span, by source (`instance-12345678`): the larger of charge and estimate. */
export function spentBySource(
  seen: SeenContracts,
  charges: readonly Charge[],
  span: ChargeSpan,
  nowS: number,
): Map<string, { usd: number; label: string }> {
  const spent = new Map<string, { usd: number; label: string }>();
  for (const { source, amount, metadata } of charges) {
    const label = metadata?.label ?? "";
    spent.set(source, { usd: (spent.get(source)?.usd ?? 0) + amount, label });
  }
  for (const [id, contract] of Object.entries(seen)) {
    const source = `instance-${id}`;
    const charged = spent.get(source);
    const isSettled = contract.goneS !== undefined && nowS - contract.goneS > SETTLED_AFTER_S;
    if (charged && isSettled) continue;
    const endS = Math.min(contract.goneS ?? nowS, span.toS);
    const hours = Math.max(0, endS - Math.max(contract.startS, span.fromS)) / 3600;
    const usd = Math.max(charged?.usd ?? 0, hours * contract.dph);
    if (usd > 0) spent.set(source, { usd, label: charged?.label || contract.label });
  }
  return spent;
}

/** Every charge of the days of a span. */
export async function chargesIn(transport: Pick<Transport, "call">, span: ChargeSpan): Promise<Charge[]> {
  const rows: Charge[] = [];
  let token: string | null = null;
  do {
    const before: string | null = token;
    const page: { rows: Charge[]; nextToken: string | null } = await transport.call(listCharges, span, () => before);
    rows.push(...page.rows);
    token = page.nextToken;
  } while (token !== null);
  return rows;
}

/** The UTC day and the calendar month of a moment, until that moment. */
export function spansOf(nowS: number): { day: ChargeSpan; month: ChargeSpan } {
  const now = new Date(nowS * 1000);
  return {
    day: { fromS: Math.floor(nowS / DAY_S) * DAY_S, toS: nowS },
    month: { fromS: Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1) / 1000, toS: nowS },
  };
}
