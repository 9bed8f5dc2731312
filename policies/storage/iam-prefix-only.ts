import { z } from "zod";
import { defineRule } from "../rule.ts";
import { type Statement, statementsOf } from "./policy-document.ts";

/** A bucket and at least the start of a key, before any wildcard. */
const BELOW_A_PREFIX = /^arn:[^:]*:s3:::[^/*]+\/[^*?]/;
const A_BUCKET = /^arn:[^:]*:s3:::[^/*]+$/;
/** Listing is asked of a bucket as a whole, so it needs a condition on the prefix. IAM reads no case in actions. */
const LISTING = ["s3:listbucket", "s3:listbucketversions"];
const OF_A_BUCKET = [...LISTING, "s3:getbucketlocation", "s3:listbucketmultipartuploads"];

/** Rented machines belong to strangers: the key that the Vast connection holds is as good as theirs. */
function tooWide(statement: Statement): string | undefined {
  if (statement.Effect === "Deny") return undefined;
  if (statement.NotAction !== undefined || statement.NotResource !== undefined)
    return "allows everything but what it names (NotAction, NotResource). Name what is allowed";
  const actions = statement.Action?.filter((action) => /^(\*|s3:)/i.test(action)) ?? [];
  const wild = actions.find((action) => /[*?]/.test(action));
  if (wild !== undefined) return `allows ${wild}. Name the actions: s3:GetObject, s3:PutObject …`;
  return actions.map((action) => tooWideFor(action, statement)).find((problem) => problem !== undefined);
}

function tooWideFor(action: string, { Resource, Condition }: Statement): string | undefined {
  const ofBucket = OF_A_BUCKET.includes(action.toLowerCase());
  const wide = Resource?.find((arn) => !(ofBucket ? A_BUCKET : BELOW_A_PREFIX).test(arn));
  if (wide !== undefined)
    return `allows ${action} on ${wide}. ${ofBucket ? "Name one bucket" : "Name a prefix: arn:aws:s3:::bucket/prefix/*"}`;
  if (!LISTING.includes(action.toLowerCase())) return undefined;
  const prefixed = Object.values(Condition ?? {}).some((keys) => "s3:prefix" in keys);
  return prefixed ? undefined : `allows ${action} of the whole bucket. Add a Condition on s3:prefix`;
}

function check({ policy }: { readonly policy?: unknown }): string | undefined {
  const problem = statementsOf(policy)
    .map(tooWide)
    .find((found) => found !== undefined);
  return problem === undefined ? undefined : `policy ${problem}; it must be limited to one prefix of one bucket.`;
}

export const iamPrefixOnly = defineRule({
  name: "iam-prefix-only",
  pack: "storage",
  description: "Keys for rented machines reach one prefix of one bucket.",
  why: "whoever owns the host can read the key, and everything it opens",
  source: "VAST11, user pain 15",
  level: "mandatory",
  config: z.strictObject({}),
  checks: { userPolicy: [check], managedPolicy: [check] },
});
