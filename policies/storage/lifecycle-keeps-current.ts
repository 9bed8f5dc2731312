import { z } from "zod";
import type { Resources } from "../resources.ts";
import { defineRule } from "../rule.ts";

type LifecycleRule = NonNullable<Resources["lifecycle"]["rules"]>[number];

function expires({ status, expiration }: LifecycleRule): boolean {
  return status === "Enabled" && ((expiration?.days ?? 0) > 0 || expiration?.date !== undefined);
}

/** Earlier versions, abandoned uploads and stray delete markers may go; a current version is a result. */
export const lifecycleKeepsCurrent = defineRule({
  name: "lifecycle-keeps-current",
  pack: "storage",
  description: "No lifecycle rule deletes the current version of an object.",
  why: "results disappear on their own, some weeks after anybody looks",
  source: "user pain 3; reference architecture, artifact storage",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    lifecycle: [
      ({ rules = [] }) => {
        const [first] = rules.filter(expires);
        if (first === undefined) return undefined;
        const when =
          first.expiration?.days === undefined ? `on ${first.expiration?.date}` : `after ${first.expiration.days} days`;
        return `rule "${first.id}" deletes current versions ${when}; they must stay. Use noncurrentVersionExpiration, which deletes earlier versions only.`;
      },
    ],
    bucket: [
      ({ lifecycleRules = [] }) => {
        const first = lifecycleRules.find(
          ({ enabled, expiration }) => enabled === true && expiration?.days !== undefined,
        );
        if (first === undefined) return undefined;
        return `lifecycleRules deletes current versions after ${first.expiration?.days} days; they must stay. Use noncurrentVersionExpiration, which deletes earlier versions only.`;
      },
    ],
  },
});
