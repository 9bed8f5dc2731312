import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";

/**
 * Inputs of a schema whose value differs between what the state records and what the program says now. A state from an earlier
 * release lacks inputs that came later: it is read with their defaults, or each upgrade would update every resource.
 */
export function changesOf(
  schema: z.ZodObject,
  keys: readonly string[],
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Set<string> {
  return new Set(keys.filter((key) => !isDeepStrictEqual(recorded(schema, key, olds[key]), news[key])));
}

function recorded(schema: z.ZodObject, key: string, value: unknown): unknown {
  const parsed = (schema.shape[key] as z.ZodType).safeParse(value);
  return parsed.success ? parsed.data : value;
}
