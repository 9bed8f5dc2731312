import { z } from "zod";
import { defineRule } from "../rule.ts";
import { hoursUntil } from "./hours.ts";

const config = z.strictObject({
  maxHours: z.number().positive().default(72).describe("hours from now that an instance may be kept stopped for"),
});

/** Since when it is stopped is nowhere recorded; until when it may be is declared, and a day that is fixed does come. */
export const stoppedBounded = defineRule({
  name: "stopped-bounded",
  pack: "cost",
  description: "An instance that is kept stopped says until when.",
  why: "a stopped instance bills its disk for ever, even at a negative balance",
  source: "VAST1, user pain 12",
  level: "mandatory",
  config,
  checks: {
    instance: [
      ({ state, expiresAt }, { maxHours }, { now }) => {
        if (state !== "stopped") return undefined;
        if (expiresAt === undefined)
          return `state is "stopped" and expiresAt is not set, so its disk bills without end; the most is ${maxHours} h. Set expiresAt, or take the instance out of the program (its results are copied out first).`;
        const left = hoursUntil(expiresAt, now);
        if (left <= maxHours) return undefined;
        return `state is "stopped" until ${expiresAt}, ${Math.round(left)} h from now; the most is ${maxHours} h. Choose an earlier expiresAt, or raise this policy's maxHours.`;
      },
    ],
  },
});
