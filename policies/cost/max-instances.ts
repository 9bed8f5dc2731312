import { z } from "zod";
import { defineRule } from "../rule.ts";

export const maxInstances = defineRule({
  name: "max-instances",
  pack: "cost",
  description: "A stack rents no more instances than agreed.",
  why: "one digit too many in workers rents a hundred machines before anybody looks",
  source: "user pains 1 and 27",
  level: "mandatory",
  config: z.strictObject({ most: z.int().min(0).default(64).describe("instances that one stack may have") }),
  *stack(stack, { most }) {
    const count = stack.all("instance").length;
    if (count <= most) return;
    yield {
      subject: "stack",
      message: `stack: it has ${count} instances; the most is ${most}. Lower workers, or raise this policy's most.`,
    };
  },
  heldDuringUpdates: ["instance"],
});
