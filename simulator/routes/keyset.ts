import { type Column, comparePlain, type SortKey } from "../world/query.ts";

export class InvalidTokenError extends Error {}

type Columns<T> = Readonly<Record<string, Column<T>>>;

function valuesOf<T>(subject: T, order: readonly SortKey[], columns: Columns<T>): unknown[] {
  return order.map(({ column }) => columns[column]?.get(subject) ?? null);
}

/** base64 of {"values":{"id":123}} with the last row's value of each sort column (vast-api.md 1.5). */
export function encodeToken<T>(
  last: T,
  order: readonly SortKey[],
  columns: Columns<T>,
  extra: Record<string, unknown> = {},
): string {
  const values = Object.fromEntries(order.map(({ column }) => [column, columns[column]?.get(last) ?? null]));
  return Buffer.from(JSON.stringify({ values, ...extra })).toString("base64");
}

/** Throws InvalidTokenError for what is no token, or one of another order. */
export function decodeToken(token: string, order: readonly SortKey[]): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(token, "base64").toString("utf8"));
  } catch {
    throw new InvalidTokenError();
  }
  const values = parsed !== null && typeof parsed === "object" && "values" in parsed ? parsed.values : undefined;
  if (values === null || typeof values !== "object") throw new InvalidTokenError();
  return order.map(({ column }) => {
    if (!Object.hasOwn(values, column)) throw new InvalidTokenError();
    return (values as Record<string, unknown>)[column];
  });
}

/** Rows behind the token. The order ends with a unique column, so no row shows twice however many come or go. */
export function pageAfter<T>(
  sorted: readonly T[],
  order: readonly SortKey[],
  after: readonly unknown[] | null,
  limit: number,
  columns: Columns<T>,
): { page: T[]; more: boolean } {
  const rest = after === null ? sorted : sorted.filter((row) => isBehind(valuesOf(row, order, columns), after, order));
  return { page: rest.slice(0, limit), more: rest.length > limit };
}

function isBehind(row: readonly unknown[], after: readonly unknown[], order: readonly SortKey[]): boolean {
  for (const [index, key] of order.entries()) {
    const compared = comparePlain(plain(row[index]), plain(after[index]), key.descending);
    if (compared !== 0) return compared > 0;
  }
  return false;
}

function plain(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  return typeof value === "object" ? JSON.stringify(value) : (value as string | number | boolean);
}
