import { z } from "zod";
import { defineRule } from "../rule.ts";
import { waiverOf } from "../safety/copy-out.ts";
import { usdPerHour } from "../usd.ts";

export const spotCheckpoints = defineRule({
  name: "spot-checkpoints",
  pack: "cost",
  description: "Interruptible instances copy their checkpoints off the machine and bid up to a limit.",
  why: "a bid is lost without warning, and its machine with the disk may never come back",
  source: "VAST4, VAST3, user pain 9",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    instance: [
      ({ bid, maxBid }) =>
        bid === undefined || maxBid !== undefined
          ? undefined
          : `bid is ${usdPerHour(bid)} and maxBid is not set, so nothing says how far a lost bid may be raised. Set maxBid to at least ${bid}.`,
      ({ bid, copyOut }) => {
        if (bid === undefined) return undefined;
        if (waiverOf(copyOut) !== undefined)
          return "copyOut.waive is set, and an interruptible instance may lose its disk at any moment. Declare copyOut.target and copyOut.paths, or leave bid out to rent on demand.";
        if (copyOut?.target !== undefined) return undefined;
        return "copyOut.target is missing, and an interruptible instance may lose its disk at any moment. Set it to the binding of a CloudSyncTarget, or leave bid out to rent on demand.";
      },
    ],
  },
});
