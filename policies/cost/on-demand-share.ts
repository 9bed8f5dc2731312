import { z } from "zod";
import { defineRule, UNKNOWN } from "../rule.ts";

const share = z.number().min(0).max(1);
const config = z.strictObject({
  least: share.default(0).describe("share of a fleet's workers, 0 to 1, that must be rented on demand"),
  most: share.default(1).describe("share of a fleet's workers, 0 to 1, that may be rented on demand"),
});

function fixOf(onDemand: number, least: number, most: number): string | undefined {
  if (onDemand < least) return "Leave bid out for some workers";
  return onDemand > most ? "Give some workers a bid and a maxBid" : undefined;
}

const percent = (part: number) => `${Math.round(part * 100)} %`;

export const onDemandShare = defineRule({
  name: "on-demand-share",
  pack: "cost",
  description: "Fleets mix workers on demand and interruptible ones as agreed.",
  why: "all on demand costs double; all interruptible is gone at once when the price rises",
  source: "platform profile §4, user pain 9",
  level: "advisory",
  config,
  *stack(stack, { least, most }, known) {
    const workers = Map.groupBy(stack.all("instance"), ({ fleet }) => fleet);
    for (const [fleet, ofFleet] of workers) {
      if (fleet === undefined) continue;
      const bids = ofFleet.map(({ inputs }) => known(() => inputs.bid));
      if (bids.includes(UNKNOWN)) continue;
      const onDemand = bids.filter((bid) => bid === undefined).length / ofFleet.length;
      const fix = fixOf(onDemand, least, most);
      if (fix === undefined) continue;
      yield {
        subject: fleet,
        message: `${fleet}: ${percent(onDemand)} of its workers are on demand; agreed are ${percent(least)} to ${percent(most)}. ${fix} (overrides).`,
      };
    }
  },
});
