import { z } from "zod";
import { defineRule } from "../rule.ts";
import { eachBucket, lacks } from "./companions.ts";

const config = z.strictObject({
  requireKms: z.boolean().default(false).describe("true takes only keys of AWS KMS, aws:kms or aws:kms:dsse"),
});

export const bucketEncrypted = defineRule({
  name: "bucket-encrypted",
  pack: "storage",
  description: "Buckets declare how they encrypt what they keep.",
  why: "what is not declared can be changed without anybody seeing it in a plan",
  source: "reference architecture, artifact storage",
  level: "mandatory",
  config,
  checks: {
    encryption: [
      ({ rules }, { requireKms }) => {
        const algorithms = rules?.flatMap((rule) => rule.applyServerSideEncryptionByDefault?.sseAlgorithm ?? []) ?? [];
        const weak = algorithms.find((algorithm) => requireKms && !algorithm.startsWith("aws:kms"));
        if (weak !== undefined)
          return `sseAlgorithm is "${weak}"; a key of AWS KMS is needed. Set it to "aws:kms", with kmsMasterKeyId.`;
        return algorithms.length > 0
          ? undefined
          : 'rules names 0 algorithms, 1 is needed. Set applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } or "aws:kms".';
      },
    ],
  },
  stack: (stack, _, known) =>
    eachBucket(stack, known, (bucket) => {
      if (bucket.inputs.serverSideEncryptionConfiguration !== undefined) return undefined;
      return lacks(stack, bucket, "encryption", known)
        ? "the bucket has 0 BucketServerSideEncryptionConfiguration, 1 is needed. Declare one."
        : undefined;
    }),
});
