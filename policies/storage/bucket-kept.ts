import { z } from "zod";
import { defineRule } from "../rule.ts";

/** Whether a bucket is declared with retainOnDelete is not shown to policies; without forceDestroy S3 keeps what is in it. */
export const bucketKept = defineRule({
  name: "bucket-kept",
  pack: "storage",
  description: "A bucket with results in it cannot be destroyed with the stack.",
  why: "a destroy that is meant to save results would end by deleting them",
  source: "user pain 3",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    bucket: [
      ({ forceDestroy }) =>
        forceDestroy === true
          ? "forceDestroy is true, which deletes every object with the bucket; only false is allowed. Set it to false or leave it out."
          : undefined,
    ],
  },
  remedy: {
    sets: "forceDestroy: false",
    bucket: ({ forceDestroy }) => (forceDestroy === true ? { forceDestroy: false } : undefined),
  },
});
