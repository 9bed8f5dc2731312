import { z } from "zod";
import { defineRule } from "../rule.ts";
import { waiverOf } from "./copy-out.ts";

export const requiredPatterns = defineRule({
  name: "required-patterns",
  pack: "safety",
  description: "A copy-out says which files must be among what it copied.",
  why: "a folder that is misspelt, or still empty, is copied without a complaint and the results are destroyed",
  source: "VAST2, user pain 3",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    instance: [
      ({ copyOut }) => {
        if (copyOut === undefined || waiverOf(copyOut) !== undefined) return undefined;
        if ((copyOut.required ?? []).length > 0) return undefined;
        return 'copyOut.required names 0 patterns, at least 1 is needed. Name files that prove the results are there, e.g. ["*.pt"], or ["*"] for any file at all.';
      },
    ],
  },
});
