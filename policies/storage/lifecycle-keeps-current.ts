import { z } from "zod";
import { defineRule } from "../rule.ts";

const FIX = "they must stay. Use noncurrentVersionExpiration, which deletes earlier versions only.";

interface Expiration {
  readonly days?: number | undefined;
  readonly date?: string | undefined;
}

/** When current versions are deleted, of a lifecycle resource's rule or of a bucket's own. */
function whenExpired({ days = 0, date }: Expiration = {}): string | undefined {
  if (days > 0) return `after ${days} days`;
  return date === undefined ? undefined : `on ${date}`;
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
      ({ rules }) => {
        const deleting = rules?.find(
          ({ status, expiration }) => status === "Enabled" && whenExpired(expiration) !== undefined,
        );
        return deleting && `rule "${deleting.id}" deletes current versions ${whenExpired(deleting.expiration)}; ${FIX}`;
      },
    ],
    bucket: [
      ({ lifecycleRules }) => {
        const deleting = lifecycleRules?.find(
          ({ enabled, expiration }) => enabled === true && whenExpired(expiration) !== undefined,
        );
        return deleting && `lifecycleRules deletes current versions ${whenExpired(deleting.expiration)}; ${FIX}`;
      },
    ],
  },
});
