import { createHash } from "node:crypto";
import type { InstanceRow } from "../api/instances.ts";

/** Environment variable of a contract that says whose it is; the label is the user's to change (design.md, "Identity"). */
export const MARK_VARIABLE = "PULUMI_VAST_MARK";

/**
 * The mark of one resource: the same in every run, so that a contract whose answer was lost, or whose engine died, is
 * recognised; different for every stack, and for two people's `dev` stacks on one account through `owner`.
 */
export function makeMark(identity: { project: string; stack: string; owner: string; name: string }): string {
  const text = [identity.project, identity.stack, identity.owner, identity.name].join("\n");
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

export function markOf(row: InstanceRow): string | undefined {
  return row.extra_env.find(([key]) => key === MARK_VARIABLE)?.[1];
}

export function rowsWithMark(rows: ReadonlyMap<number, InstanceRow>, mark: string): InstanceRow[] {
  return [...rows.values()].filter((row) => markOf(row) === mark).sort((a, b) => a.id - b.id);
}
