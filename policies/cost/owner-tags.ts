import { z } from "zod";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  tags: z.array(z.string().min(1)).default(["owner", "team"]).describe("tags that every instance must have"),
});

export const ownerTags = defineRule({
  name: "owner-tags",
  pack: "cost",
  description: "Every instance says whose it is.",
  why: "nobody dares to stop a machine that nobody owns, and its cost belongs to no team",
  source: "reference architecture, cost limits per team; user pain 6",
  level: "advisory",
  config,
  checks: {
    instance: [
      ({ tags }, { tags: needed }) => {
        const missing = needed.filter((tag) => !tags?.[tag]?.trim());
        if (missing.length === 0) return undefined;
        return `tags lacks ${missing.join(" and ")}; needed are ${needed.join(" and ")}. Add them, e.g. tags: { ${missing.map((tag) => `${tag}: "…"`).join(", ")} }.`;
      },
    ],
  },
});
