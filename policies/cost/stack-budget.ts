import { z } from "zod";
import { limitsSchema } from "../../provider/fleet/budgets.ts";
import { defineRule } from "../rule.ts";
import { overBudget, priceCaps } from "./price-caps.ts";

/** What other stacks of the project spend is not in sight: the project's budget bounds each of its stacks alone. */
export const stackBudget = defineRule({
  name: "stack-budget",
  pack: "cost",
  description: "The price caps of a stack stay within its budget, and within its project's.",
  why: "several fleets, each within its own budget, together spend what nobody agreed to",
  source: "reference architecture, budgets; user pain 27",
  level: "mandatory",
  config: z.strictObject({
    stack: limitsSchema.default({}).describe("USD per hour, day and month of this stack"),
    project: limitsSchema.default({}).describe("USD per hour, day and month of its project"),
  }),
  *stack(stack, { stack: ofStack, project }, known) {
    const caps = priceCaps(stack, known);
    yield* overBudget("stack", "this stack", caps, ofStack);
    yield* overBudget("project", "this stack alone", caps, project);
  },
  heldDuringUpdates: ["instance", "volume"],
});
