import type { Entry, ItemKind } from "./ledger.ts";
import type { World } from "./world.ts";

export type ChargeSource = "instance" | "volume";

export interface ChargeItem {
  start: number;
  end: number;
  type: "gpu" | "disk" | "bwu" | "bwd";
  source: null;
  description: string;
  amount: number;
  metadata: Record<string, never>;
  items: [];
}

/** An item before it is put on the wire: the older invoices show quantity and rate apart. */
export interface PricedItem extends ChargeItem {
  quantity: number;
  rate: number;
}

export interface ChargeRow {
  start: number;
  end: number;
  type: ChargeSource;
  source: string;
  description: string;
  amount: number;
  metadata: { label: string | null; template_id: number | null };
  items: PricedItem[];
}

const DAY_S = 86_400;

const TYPES: Record<ItemKind, ChargeItem["type"]> = {
  gpu: "gpu",
  disk: "disk",
  bwu: "bwu",
  bwd: "bwd",
  volume: "disk",
};

/** The ledger seen by whole days and rounded to a tenth of a cent; what happened lately is not in it yet (6.5). */
export function chargeRows(
  world: World,
  accountId: number,
  span: { from: number; to: number },
  sources: readonly ChargeSource[],
): ChargeRow[] {
  const from = dayOf(span.from);
  const to = Math.min(dayOf(span.to) + DAY_S, world.now - world.choices.chargesLagS);
  const rows: ChargeRow[] = [];
  for (const source of sources) {
    const subjects = source === "instance" ? world.contracts : world.volumes;
    for (const subject of subjects.values()) {
      if (subject.accountId !== accountId) continue;
      const entries = world.ledger
        .entriesOf(source, subject.id, world.now)
        .map((entry) => clip(entry, from, to))
        .filter((entry) => entry !== undefined);
      const templateId = "templateId" in subject ? subject.templateId : null;
      if (entries.length > 0) rows.push(rowOf(source, subject.id, subject.label, templateId, entries));
    }
  }
  return rows.sort((a, b) => a.start - b.start || (a.source < b.source ? -1 : 1));
}

function dayOf(at: number): number {
  return Math.floor(at / DAY_S) * DAY_S;
}

/** The part of an entry inside the span; traffic counts where it ended. */
export function clip(entry: Entry, from: number, to: number): Entry | undefined {
  if (entry.to < from || entry.from > to) return undefined;
  if (entry.kind === "bwu" || entry.kind === "bwd") return entry.to <= to ? entry : undefined;
  const start = Math.max(entry.from, from);
  const end = Math.min(entry.to, to);
  if (end <= start) return undefined;
  const quantity = (end - start) / 3600;
  return { ...entry, from: start, to: end, quantity, amount: quantity * entry.rate };
}

function rowOf(
  source: ChargeSource,
  id: number,
  label: string | null,
  templateId: number | null,
  entries: readonly Entry[],
): ChargeRow {
  const start = dayOf(Math.min(...entries.map((entry) => entry.from)));
  const end = dayOf(Math.max(...entries.map((entry) => entry.to)));
  const days = (end - start) / DAY_S + 1;
  const title = source === "instance" ? "Instance" : "Volume";
  return {
    start,
    end,
    type: source,
    source: `${source}-${id}`,
    description: `${title} ${id} Charges - ${days} day${days === 1 ? "" : "s"}`,
    amount: rounded(entries.reduce((sum, entry) => sum + entry.amount, 0)),
    metadata: { label, template_id: templateId },
    items: [...grouped(entries).values()].map((group) => itemOf(group, start, end)),
  };
}

/** One item per kind and price. */
function grouped(entries: readonly Entry[]): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = `${entry.kind} ${entry.rate}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return groups;
}

function itemOf(entries: readonly Entry[], start: number, end: number): PricedItem {
  const [first] = entries as [Entry];
  const quantity = entries.reduce((sum, entry) => sum + entry.quantity, 0);
  const amount = entries.reduce((sum, entry) => sum + entry.amount, 0);
  const traffic = first.kind === "bwu" || first.kind === "bwd";
  return {
    start,
    end,
    type: TYPES[first.kind],
    source: null,
    description: traffic
      ? `${quantity.toFixed(3)} GB at $${first.rate.toFixed(3)}/GB`
      : `${quantity.toFixed(3)} hours at $${first.rate.toFixed(3)}/hour`,
    amount: rounded(amount),
    quantity,
    rate: first.rate,
    metadata: {},
    items: [],
  };
}

function rounded(amount: number): number {
  return Math.round(amount * 1000) / 1000;
}
