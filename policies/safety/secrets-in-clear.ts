import { z } from "zod";
import { secretIn } from "../../provider/fleet/image.ts";
import type { Instance } from "../resources.ts";
import { defineRule } from "../rule.ts";
import { patternList } from "./patterns.ts";

const config = z.strictObject({
  patterns: patternList.describe("regular expressions of secrets of your own, besides the well-known kinds"),
});
type Config = z.output<typeof config>;

/** The secret itself is never part of a message. */
function shownInClear(property: "onstart" | "image" | "label") {
  return (instance: Instance, { patterns }: Config): string | undefined => {
    const text = instance[property];
    if (text === undefined) return undefined;
    const own = patterns.find((pattern) => new RegExp(pattern).test(text));
    const found = secretIn(text) ?? (own === undefined ? undefined : `what /${own}/ matches`);
    if (found === undefined) return undefined;
    return `${property} contains ${found}, and Vast.ai stores and shows ${property} in clear; no secret is allowed there. Pass it in env, which is encrypted in the state.`;
  };
}

/** The provider refuses the well-known kinds itself, whatever packs are loaded; this rule adds an organisation's own. */
export const secretsInClear = defineRule({
  name: "secrets-in-clear",
  pack: "safety",
  description: "Start script, image and label hold no secret.",
  why: "the service keeps them, and shows them to whoever sees the instance",
  source: "VAST11, user pain 15",
  level: "mandatory",
  config,
  checks: { instance: [shownInClear("onstart"), shownInClear("image"), shownInClear("label")] },
});
