import { z } from "zod";
import type { Instance } from "../resources.ts";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  capUsdPerGb: z.number().min(0).default(0.05).describe("USD/GB, either direction, that a host may ask"),
});
type Config = z.output<typeof config>;

/** A pinned offer has the price it has. */
function tooMuch({ offer }: Instance, { capUsdPerGb }: Config): number | "none" | undefined {
  if (offer === undefined || offer.id !== undefined) return undefined;
  if (offer.maxBandwidthPrice === undefined) return "none";
  return offer.maxBandwidthPrice > capUsdPerGb ? offer.maxBandwidthPrice : undefined;
}

export const bandwidthPrice = defineRule({
  name: "bandwidth-price",
  pack: "cost",
  description: "Instances are rented only where bandwidth is cheap.",
  why: "every byte bills in both directions and in every state, and a host sets the price: it can exceed the GPU's",
  source: "VAST9",
  level: "advisory",
  config,
  checks: {
    instance: [
      (instance, config) => {
        const asked = tooMuch(instance, config);
        if (asked === undefined) return undefined;
        const is = asked === "none" ? "is not set, so any price is taken" : `is $${asked}/GB`;
        return `offer.maxBandwidthPrice ${is}; the cap is $${config.capUsdPerGb}/GB. Set it to at most ${config.capUsdPerGb}.`;
      },
    ],
  },
  remedy: {
    sets: "offer.maxBandwidthPrice: the cap",
    instance: (instance, config) =>
      tooMuch(instance, config) === undefined ? undefined : { offer: { maxBandwidthPrice: config.capUsdPerGb } },
  },
});
