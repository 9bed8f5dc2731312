import { z } from "zod";
import type { Instance, Volume } from "../resources.ts";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  capUsdPerHour: z
    .number()
    .positive()
    .default(4)
    .describe("USD/h, all-in (GPUs or bid, plus disk), that one instance or one volume may cost"),
});
type Config = z.output<typeof config>;

/** The provider holds `offer.maxDph` at every rental, so what is declared here is what can be spent. */
function declared({ offer }: Instance, { capUsdPerHour }: Config): string | undefined {
  const maxDph = offer?.maxDph;
  if (maxDph === undefined) {
    return `offer.maxDph is not set, so nothing bounds the price; the cap is ${usd(capUsdPerHour)}. Set offer.maxDph to at most ${capUsdPerHour}.`;
  }
  if (maxDph <= capUsdPerHour) return undefined;
  return `offer.maxDph is ${usd(maxDph)} all-in; the cap is ${usd(capUsdPerHour)}. Lower offer.maxDph to at most ${capUsdPerHour}, or raise this policy's capUsdPerHour.`;
}

/**
 * What a bid comes to with its disk is known only with the offer, whose host sets the disk's price. Known from the inputs
 * alone: a bid that reaches the limit leaves nothing for the disk, which always bills.
 */
function bidLeavesRoom(key: "bid" | "maxBid") {
  return (instance: Instance, { capUsdPerHour }: Config): string | undefined => {
    const bid = instance[key];
    if (bid === undefined) return undefined;
    const over = (limit: number, name: string) =>
      `${key} is ${usd(bid)} without disk, and ${name} is ${usd(limit)} with it: nothing is left for the disk. Lower ${key} below ${limit}.`;
    // Before `offer` is read, which may not be known yet.
    if (bid >= capUsdPerHour) return over(capUsdPerHour, "the cap");
    const maxDph = instance.offer?.maxDph;
    return maxDph !== undefined && bid >= maxDph ? over(maxDph, "offer.maxDph") : undefined;
  };
}

function volumeCap({ maxDph }: Volume, { capUsdPerHour }: Config): string | undefined {
  if (maxDph === undefined || maxDph <= capUsdPerHour) return undefined;
  return `maxDph is ${usd(maxDph)}; the cap is ${usd(capUsdPerHour)}. Lower maxDph to at most ${capUsdPerHour}, or raise this policy's capUsdPerHour.`;
}

/** As many digits as the price has: a value just over the cap must not read like the cap. */
function usd(perHour: number): string {
  return `$${perHour.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}/h`;
}

export const maxDph = defineRule({
  name: "max-dph",
  description: "Every instance declares the most it may cost per hour, within the cap.",
  why: "a search without a price limit rents whatever is left when the cheap offers are gone",
  source: "reference architecture, max_dph of the GPU profiles",
  level: "mandatory",
  config,
  checks: { instance: [declared, bidLeavesRoom("bid"), bidLeavesRoom("maxBid")], volume: [volumeCap] },
});
