import { z } from "zod";
import { limitsSchema } from "../../provider/fleet/budgets.ts";
import { defineRule } from "../rule.ts";
import { overBudget, priceCaps } from "./price-caps.ts";

export const fleetBudget = defineRule({
  name: "fleet-budget",
  pack: "cost",
  description: "The price caps of a fleet's workers stay within its budget.",
  why: "each worker keeps its own cap while a number too many multiplies it",
  source: "reference architecture, budgets; user pain 27",
  level: "mandatory",
  config: z.strictObject({
    fleets: z
      .record(z.string(), limitsSchema)
      .default({})
      .describe("USD per hour, day and month, by name of the fleet"),
  }),
  *stack(stack, { fleets }, known) {
    const caps = priceCaps(stack, known);
    for (const [fleet, limits] of Object.entries(fleets)) {
      const own = caps.filter((cap) => cap.fleet === fleet);
      yield* overBudget(fleet, `fleet ${fleet}`, own, limits);
    }
  },
  heldDuringUpdates: ["instance", "volume"],
});
