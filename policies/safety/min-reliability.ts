import { z } from "zod";
import type { Offer } from "../resources.ts";
import { defineRule } from "../rule.ts";

/** What the provider asks for where nothing is said. */
const PROVIDER_DEFAULT = 0.95;

const config = z.strictObject({
  least: z.number().min(0).max(1).default(0.9).describe("host reliability, 0 to 1, that criteria must ask for"),
});
type Config = z.output<typeof config>;

function tooLow(offer: Offer | undefined, { least }: Config): number | undefined {
  if (offer === undefined || offer.id !== undefined) return undefined;
  const asked = offer.minReliability ?? PROVIDER_DEFAULT;
  return asked < least ? asked : undefined;
}

function check(offer: Offer | undefined, property: string, config: Config): string | undefined {
  const asked = tooLow(offer, config);
  if (asked === undefined) return undefined;
  return `${property}.minReliability is ${asked}; the least is ${config.least}. Raise it to ${config.least}.`;
}

export const minReliability = defineRule({
  name: "min-reliability",
  pack: "safety",
  description: "Instances and volumes are rented only on hosts that are up nearly always.",
  why: "the cheapest host is the one that drops off the market with the work on it",
  source: "VAST7, user pain 30",
  level: "mandatory",
  config,
  checks: {
    instance: [({ offer }, config) => check(offer, "offer", config)],
    volume: [({ placeWith }, config) => check(placeWith?.offer, "placeWith.offer", config)],
  },
  remedy: {
    sets: "offer.minReliability: the least allowed",
    instance: ({ offer }, config) =>
      tooLow(offer, config) === undefined ? undefined : { offer: { minReliability: config.least } },
    volume: ({ placeWith }, config) =>
      tooLow(placeWith?.offer, config) === undefined
        ? undefined
        : { placeWith: { offer: { minReliability: config.least } } },
  },
});
