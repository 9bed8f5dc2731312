import { z } from "zod";
import type { Resources } from "../resources.ts";
import { defineRule } from "../rule.ts";
import { eachBucket, lacks } from "./companions.ts";
import { statementsOf } from "./policy-document.ts";

const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"] as const;

function open(block: Resources["publicAccessBlock"]): string | undefined {
  const off = BLOCKS.filter((key) => block[key] !== true);
  if (off.length === 0) return undefined;
  return `${off.join(", ")} ${off.length === 1 ? "is" : "are"} not true, which lets the bucket become public; all four have to be. Set ${off.length === 1 ? "it" : "them"} to true.`;
}

const PUBLIC_ACLS: ReadonlySet<string | undefined> = new Set([
  "public-read",
  "public-read-write",
  "authenticated-read",
]);

function publicAcl({ acl }: { readonly acl?: string | undefined }): string | undefined {
  if (!PUBLIC_ACLS.has(acl)) return undefined;
  return `acl is "${acl}", which opens the bucket to others; only "private" is allowed. Set it to "private" or leave it out.`;
}

export const bucketNotPublic = defineRule({
  name: "bucket-not-public",
  pack: "storage",
  description: "Buckets are closed to the public.",
  why: "models and data in a bucket that anyone can list are anyone's",
  source: "reference architecture, artifact storage",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    publicAccessBlock: [open],
    bucket: [publicAcl],
    acl: [publicAcl],
    bucketPolicy: [
      ({ policy }) => {
        const toAll = statementsOf(policy).some(
          ({ Effect, Principal, Condition }) => Effect === "Allow" && Condition === undefined && isEverybody(Principal),
        );
        if (!toAll) return undefined;
        return 'policy allows Principal "*" without a condition: everybody. Name the accounts or roles that may.';
      },
    ],
  },
  stack: (stack, _, known) =>
    eachBucket(stack, known, (bucket) =>
      lacks(stack, bucket, "publicAccessBlock", known)
        ? `the bucket has 0 BucketPublicAccessBlock, 1 is needed. Declare one with ${BLOCKS.join(", ")}: true.`
        : undefined,
    ),
  remedy: {
    sets: "all four blocks: true; acl: private",
    publicAccessBlock: (block) =>
      open(block) === undefined ? undefined : Object.fromEntries(BLOCKS.map((key) => [key, true])),
    bucket: (bucket) => (publicAcl(bucket) === undefined ? undefined : { acl: "private" }),
    acl: (acl) => (publicAcl(acl) === undefined ? undefined : { acl: "private" }),
  },
});

function isEverybody(principal: unknown): boolean {
  const names = typeof principal === "object" && principal !== null ? Object.values(principal).flat() : [principal];
  return names.includes("*");
}
