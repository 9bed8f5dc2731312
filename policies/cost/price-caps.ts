import { breaches, type Limits } from "../../provider/fleet/budgets.ts";
import type { Known, Problem, UNKNOWN } from "../rule.ts";
import type { Stack } from "../stack.ts";
import { usd } from "../usd.ts";

/** An instance or a volume that may be rented, with the most it may cost. */
export interface PriceCap {
  name: string;
  fleet: string | undefined;
  /** The tag; volumes have none. */
  team: string | undefined | typeof UNKNOWN;
  isVolume: boolean;
  /** USD/h; undefined where none is declared. */
  dph: number | undefined | typeof UNKNOWN;
}

export function priceCaps(stack: Stack, known: Known): PriceCap[] {
  const instances = stack.all("instance").map(
    ({ name, fleet, inputs }): PriceCap => ({
      name,
      fleet,
      team: known(() => inputs.tags?.team),
      isVolume: false,
      dph: known(() => inputs.offer?.maxDph),
    }),
  );
  const volumes = stack.all("volume").map(
    ({ name, fleet, inputs }): PriceCap => ({
      name,
      fleet,
      team: undefined,
      isVolume: true,
      dph: known(() => inputs.maxDph),
    }),
  );
  return [...instances, ...volumes];
}

/**
 * The sum of the caps against a budget. A sum of what is known that breaks the budget does so whatever is not known yet.
 * Caps, not offers: they hold before any offer is known, and whichever one is taken.
 */
export function* overBudget(
  subject: string,
  what: string,
  caps: readonly PriceCap[],
  limits: Limits,
): Iterable<Problem> {
  if (Object.keys(limits).length === 0) return;
  const uncapped = caps.filter(({ dph, isVolume }) => dph === undefined && !isVolume).map(({ name }) => name);
  if (uncapped.length > 0) {
    yield {
      subject,
      message: `${subject}: ${what} has a budget, and nothing bounds the price of ${uncapped.join(", ")}. Set offer.maxDph.`,
    };
  }
  const sum = caps.reduce((total, { dph }) => total + (typeof dph === "number" ? dph : 0), 0);
  for (const { period, amount, limit } of breaches(sum, limits)) {
    yield {
      subject,
      message: `${subject}: the price caps of ${what} add up to ${usd(amount)} per ${period}; the budget is ${usd(limit)}. Lower workers or offer.maxDph, or agree on another budget (stacks/budgets.yaml).`,
    };
  }
}
