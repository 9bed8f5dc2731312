import type { Kind, Resources } from "../resources.ts";
import type { Known, Problem } from "../rule.ts";
import type { Stack, Standing } from "../stack.ts";

type Companion = { [K in Kind]: Resources[K] extends { readonly bucket?: string | undefined } ? K : never }[Kind];

/**
 * Whether no settings resource of a kind belongs to a bucket: made from it, or naming it. One of which a preview does not
 * know yet which bucket it names may be the bucket's.
 */
export function lacks<K extends Companion>(
  stack: Stack,
  bucket: Standing<Resources["bucket"]>,
  kind: K,
  known: Known,
): boolean {
  const belongs = stack
    .all(kind)
    .map((setting) => setting.uses.has(bucket.urn) || known(() => named(setting.inputs, bucket.inputs)));
  return belongs.every((yes) => yes === false);
}

function named(
  setting: { readonly bucket?: string | undefined },
  bucket: { readonly bucket?: string | undefined },
): boolean {
  return setting.bucket !== undefined && setting.bucket === bucket.bucket;
}

/** A problem for each bucket that neither has the setting itself nor a resource that gives it. */
export function* eachBucket(
  stack: Stack,
  known: Known,
  missing: (bucket: Standing<Resources["bucket"]>) => string | undefined,
): Iterable<Problem> {
  for (const bucket of stack.all("bucket")) {
    const problem = known(() => missing(bucket));
    if (typeof problem === "string")
      yield { subject: bucket.name, urn: bucket.urn, message: `${bucket.name}: ${problem}` };
  }
}
