import { z } from "zod";
import { defineRule } from "../rule.ts";
import { eachBucket, lacks } from "./companions.ts";

export const bucketVersioned = defineRule({
  name: "bucket-versioned",
  pack: "storage",
  description: "Buckets keep the earlier versions of what is overwritten.",
  why: "a worker that starts over writes an empty checkpoint over the one of last night",
  source: "user pain 3; reference architecture, artifact storage",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    versioning: [
      ({ versioningConfiguration }) => {
        const status = versioningConfiguration?.status;
        return status === "Enabled"
          ? undefined
          : `versioningConfiguration.status is ${JSON.stringify(status)}; only "Enabled" keeps earlier versions. Set it to "Enabled".`;
      },
    ],
  },
  stack: (stack, _, known) =>
    eachBucket(stack, known, (bucket) => {
      if (bucket.inputs.versioning?.enabled === true) return undefined;
      return lacks(stack, bucket, "versioning", known)
        ? 'the bucket has 0 BucketVersioning, 1 is needed. Declare one with versioningConfiguration: { status: "Enabled" }.'
        : undefined;
    }),
  remedy: {
    sets: 'versioningConfiguration.status: "Enabled"',
    versioning: ({ versioningConfiguration }) =>
      versioningConfiguration?.status === "Enabled" ? undefined : { versioningConfiguration: { status: "Enabled" } },
  },
});
