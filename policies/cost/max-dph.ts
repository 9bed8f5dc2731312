import { z } from "zod";
import type { Instance, Volume } from "../resources.ts";
import { defineRule } from "../rule.ts";
import { usdPerHour } from "../usd.ts";

const cap = z.number().positive();
const config = z.strictObject({
  capUsdPerHour: cap
    .default(4)
    .describe("USD/h, all-in (GPUs or bid, plus disk), that one instance or one volume may cost"),
  profiles: z
    .record(z.string(), cap)
    .default({})
    .describe("caps of single profiles, by the tag profile of their instances, in place of capUsdPerHour"),
});
type Config = z.output<typeof config>;

interface Cap {
  limit: number;
  /** The config key that sets it. */
  key: string;
}

function capOf({ tags }: Instance, { capUsdPerHour, profiles }: Config): Cap {
  const own = Object.entries(profiles).find(([profile]) => profile === tags?.profile);
  if (own === undefined) return { limit: capUsdPerHour, key: "capUsdPerHour" };
  const [profile, limit] = own;
  return { limit, key: `profiles.${profile}` };
}

/** The provider holds `offer.maxDph` at every rental, so what is declared here is what can be spent. */
function declared(instance: Instance, config: Config): string | undefined {
  const { limit, key } = capOf(instance, config);
  const maxDph = instance.offer?.maxDph;
  if (maxDph === undefined) {
    return `offer.maxDph is not set, so nothing bounds the price; the cap is ${usdPerHour(limit)}. Set offer.maxDph to at most ${limit}.`;
  }
  if (maxDph <= limit) return undefined;
  return `offer.maxDph is ${usdPerHour(maxDph)} all-in; the cap is ${usdPerHour(limit)}. Lower offer.maxDph to at most ${limit}, or raise this policy's ${key}.`;
}

/**
 * What a bid comes to with its disk is known only with the offer, whose host sets the disk's price. Known from the inputs
 * alone: a bid that reaches the limit leaves nothing for the disk, which always bills.
 */
function bidLeavesRoom(key: "bid" | "maxBid") {
  return (instance: Instance, config: Config): string | undefined => {
    const bid = instance[key] ?? 0;
    const { limit } = capOf(instance, config);
    const over = (most: number, name: string) =>
      `${key} is ${usdPerHour(bid)} without disk, and ${name} is ${usdPerHour(most)} with it: nothing is left for the disk. Lower ${key} below ${most}.`;
    // Before `offer` is read, which may not be known yet.
    if (bid >= limit) return over(limit, "the cap");
    const maxDph = instance.offer?.maxDph ?? Number.POSITIVE_INFINITY;
    return bid >= maxDph ? over(maxDph, "offer.maxDph") : undefined;
  };
}

function volumeCap({ maxDph }: Volume, { capUsdPerHour }: Config): string | undefined {
  if (maxDph === undefined || maxDph <= capUsdPerHour) return undefined;
  return `maxDph is ${usdPerHour(maxDph)}; the cap is ${usdPerHour(capUsdPerHour)}. Lower maxDph to at most ${capUsdPerHour}, or raise this policy's capUsdPerHour.`;
}

export const maxDph = defineRule({
  name: "max-dph",
  pack: "cost",
  description: "Every instance declares the most it may cost per hour, within the cap.",
  why: "a search without a price limit rents whatever is left when the cheap offers are gone",
  source: "reference architecture, max_dph of the GPU profiles",
  level: "mandatory",
  config,
  checks: { instance: [declared, bidLeavesRoom("bid"), bidLeavesRoom("maxBid")], volume: [volumeCap] },
});
