import { z } from "zod";
import type { Offer, Volume } from "../resources.ts";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  allowPinned: z
    .boolean()
    .default(false)
    .describe("true admits offers pinned by id and volumes pinned to a machine: nobody checks those hosts"),
});
type Config = z.output<typeof config>;

/** The provider asks for verified hosts unless told otherwise, so only a plain `false` lets another one in. */
function criteria(offer: Offer | undefined, property: string): string | undefined {
  if (offer?.verified !== false) return undefined;
  return `${property}.verified is false, which admits hosts that Vast.ai has not verified; only true is allowed. Set it to true or leave it out.`;
}

function pinnedOffer(offer: Offer | undefined, property: string, { allowPinned }: Config): string | undefined {
  if (allowPinned || offer?.id === undefined) return undefined;
  return `${property}.id pins offer ${offer.id}, whose host need not be verified; only criteria make sure of it. Give criteria (gpu, maxDph …) in place of the id, or set this policy's allowPinned to true.`;
}

function pinnedMachine({ machineId }: Volume, { allowPinned }: Config): string | undefined {
  if (allowPinned || machineId === undefined) return undefined;
  return `machineId pins machine ${machineId}, whose host need not be verified. Give placeWith (the instance that mounts the volume) in place of it, or set this policy's allowPinned to true.`;
}

export const verifiedHosts = defineRule({
  name: "verified-hosts",
  pack: "safety",
  description: "Instances and volumes are rented only on hosts that Vast.ai has verified.",
  why: "an unverified host can go offline in the middle of a run and take the work with it",
  source: "VAST7",
  level: "mandatory",
  config,
  checks: {
    instance: [({ offer }) => criteria(offer, "offer"), ({ offer }, config) => pinnedOffer(offer, "offer", config)],
    volume: [
      ({ placeWith }) => criteria(placeWith?.offer, "placeWith.offer"),
      ({ placeWith }, config) => pinnedOffer(placeWith?.offer, "placeWith.offer", config),
      pinnedMachine,
    ],
  },
  remedy: {
    sets: "offer.verified: true",
    instance: ({ offer }) => (offer?.verified === false ? { offer: { verified: true } } : undefined),
    volume: ({ placeWith }) =>
      placeWith?.offer?.verified === false ? { placeWith: { offer: { verified: true } } } : undefined,
  },
});
