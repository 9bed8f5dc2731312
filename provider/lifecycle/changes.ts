import { isDeepStrictEqual } from "node:util";

/** Inputs whose value differs between what the state records and what the program says now. */
export function changesOf(
  keys: readonly string[],
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Set<string> {
  return new Set(keys.filter((key) => !isDeepStrictEqual(olds[key], news[key])));
}
