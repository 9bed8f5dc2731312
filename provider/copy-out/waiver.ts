import type { Context } from "../context.ts";

interface Waivable {
  /** The resource's name in the program; states from before it was recorded lack it. */
  resource?: string | undefined;
  copyOut?: { waive?: string | undefined } | undefined;
}

/**
 * The written reason for which nothing needs to be copied: of the resource itself, or of this run. A run's waiver names
 * resources as the program does, or as the console shows them (`shownAs`), which may have been changed there.
 */
export function waiverFor(context: Context, state: Waivable, shownAs: string): string | undefined {
  if (state.copyOut?.waive !== undefined) return state.copyOut.waive;
  const names = ["*", shownAs, state.resource];
  const { waiver } = context.config;
  return waiver?.resources.some((resource) => names.includes(resource)) ? waiver.reason : undefined;
}
