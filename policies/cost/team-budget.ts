import { z } from "zod";
import { limitsSchema } from "../../provider/fleet/budgets.ts";
import { defineRule } from "../rule.ts";
import { overBudget, priceCaps } from "./price-caps.ts";

/** Volumes carry no tags: they count with the fleet and the stack. */
export const teamBudget = defineRule({
  name: "team-budget",
  pack: "cost",
  description: "The price caps of a team's instances in this stack stay within the team's budget.",
  why: "whoever shares an account finds out who spent it when it is empty",
  source: "reference architecture, budgets per team",
  level: "mandatory",
  config: z.strictObject({
    teams: z
      .record(z.string(), limitsSchema)
      .default({})
      .describe("USD per hour, day and month, by the tag team of instances"),
  }),
  *stack(stack, { teams }, known) {
    const caps = priceCaps(stack, known);
    for (const [team, limits] of Object.entries(teams)) {
      const own = caps.filter((cap) => cap.team === team);
      yield* overBudget(team, `team ${team}`, own, limits);
    }
  },
  heldDuringUpdates: ["instance"],
});
