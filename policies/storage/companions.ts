import type { Kind, Resources } from "../resources.ts";
import { type Known, type Problem, UNKNOWN } from "../rule.ts";
import type { Stack, Standing } from "../stack.ts";

type Companion = { [K in Kind]: Resources[K] extends { readonly bucket?: string | undefined } ? K : never }[Kind];

/**
 * The settings resources of one kind that belong to a bucket: made from it, or naming it.
 * @returns UNKNOWN where a preview does not know yet which bucket one of them names
 */
export function companionsOf<K extends Companion>(
  stack: Stack,
  bucket: Standing<Resources["bucket"]>,
  kind: K,
  known: Known,
): Standing<Resources[K]>[] | typeof UNKNOWN {
  const belongs = stack
    .all(kind)
    .map(
      (setting) =>
        [setting, setting.uses.has(bucket.urn) || known(() => named(setting.inputs, bucket.inputs))] as const,
    );
  const own = belongs.filter(([, yes]) => yes === true).map(([setting]) => setting);
  return own.length === 0 && belongs.some(([, yes]) => yes === UNKNOWN) ? UNKNOWN : own;
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
