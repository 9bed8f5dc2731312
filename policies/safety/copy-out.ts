import type { Instance, Volume } from "../resources.ts";

export type CopyOut = Pick<NonNullable<Instance["copyOut"]>, "target" | "waive"> | NonNullable<Volume["copyOut"]>;

/** The written reason for a destroy without a copy; blanks are none. */
export function waiverOf(copyOut: CopyOut | undefined): string | undefined {
  return copyOut?.waive?.trim() || undefined;
}
