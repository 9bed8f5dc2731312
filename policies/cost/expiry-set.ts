import { z } from "zod";
import { defineRule } from "../rule.ts";
import { hoursUntil } from "./hours.ts";

const config = z.strictObject({
  maxHours: z.number().positive().default(720).describe("hours from now that an instance may be rented for"),
});

export const expirySet = defineRule({
  name: "expiry-set",
  pack: "cost",
  description: "Every instance says how long it is needed.",
  why: "an instance that nobody remembers bills until the credit is gone",
  source: "user pain 6; reference architecture, max_duration_hours",
  level: "mandatory",
  config,
  checks: {
    instance: [
      ({ maxDurationHours, expiresAt }, { maxHours }, { now }) => {
        if (maxDurationHours === undefined && expiresAt === undefined)
          return `neither maxDurationHours nor expiresAt is set, so nothing says when it is no longer needed; the most is ${maxHours} h. Set maxDurationHours to at most ${maxHours}.`;
        if ((maxDurationHours ?? 0) > maxHours)
          return `maxDurationHours is ${maxDurationHours}; the most is ${maxHours}. Lower it to at most ${maxHours}, or raise this policy's maxHours.`;
        if (expiresAt === undefined) return undefined;
        // One that is past is no violation: the update that it would refuse is the one that stops the instance.
        const left = hoursUntil(expiresAt, now);
        if (left <= maxHours) return undefined;
        return `expiresAt is ${expiresAt}, in ${Math.round(left)} h; the most is ${maxHours}. Choose an earlier time, or raise this policy's maxHours.`;
      },
    ],
  },
});
