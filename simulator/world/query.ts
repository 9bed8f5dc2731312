/** The query grammar of searches and lists: {column: {op: value}}, all of it AND-ed (vast-api.md 1.5, 2.2). */

export type Value = string | number | boolean | null | number[] | object | undefined;
export type ColumnType = "number" | "string" | "boolean" | "other";

export interface Column<T> {
  type: ColumnType;
  get: (subject: T) => Value;
}

export type Test<T> = (subject: T) => boolean;

const OPS = ["eq", "neq", "gt", "gte", "lt", "lte", "in", "notin"] as const;
type Op = (typeof OPS)[number];

export class QueryError extends Error {
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`q.${field}: ${problem}`);
    this.field = field;
  }
}

/** One column's conditions as a test. Values arrive as text often and are coerced to the column's type. */
export function conditionTest<T>(name: string, column: Column<T>, condition: unknown): Test<T> {
  if (condition === null || typeof condition !== "object" || Array.isArray(condition)) {
    throw new QueryError(name, "Input should be a valid dictionary");
  }
  const tests = Object.entries(condition).map(([op, value]) => opTest(name, column, op, value));
  return (subject) => tests.every((test) => test(subject));
}

function opTest<T>(name: string, column: Column<T>, op: string, value: unknown): Test<T> {
  if (!isOp(op)) throw new QueryError(`${name}.${op}`, `Unknown operator, expected one of ${OPS.join(", ")}`);
  if (op === "in" || op === "notin") {
    if (!Array.isArray(value)) throw new QueryError(`${name}.${op}`, "Input should be a valid list");
    const wanted = new Set(value.map((item) => coerce(name, column.type, item)));
    const inside = op === "in";
    return (subject) => wanted.has(plain(column.get(subject))) === inside;
  }
  const wanted = coerce(name, column.type, value);
  const compare = COMPARE[op];
  return (subject) => compare(plain(column.get(subject)), wanted);
}

type Plain = string | number | boolean | null;

const COMPARE: Record<Exclude<Op, "in" | "notin">, (actual: Plain, wanted: Plain) => boolean> = {
  eq: (actual, wanted) => actual === wanted,
  neq: (actual, wanted) => actual !== wanted,
  // Null compares with nothing, as in the database behind the service.
  gt: (actual, wanted) => actual !== null && wanted !== null && actual > wanted,
  gte: (actual, wanted) => actual !== null && wanted !== null && actual >= wanted,
  lt: (actual, wanted) => actual !== null && wanted !== null && actual < wanted,
  lte: (actual, wanted) => actual !== null && wanted !== null && actual <= wanted,
};

function isOp(op: string): op is Op {
  return (OPS as readonly string[]).includes(op);
}

function plain(value: Value): Plain {
  if (value === undefined || value === null) return null;
  return typeof value === "object" ? JSON.stringify(value) : value;
}

function coerce(name: string, type: ColumnType, value: unknown): Plain {
  if (value === null || value === undefined || value === "None") return null;
  if (type === "number") return toNumber(name, value);
  if (type === "boolean") return toBoolean(name, value);
  if (typeof value === "object") throw new QueryError(name, "Input should be a plain value");
  return String(value);
}

function toNumber(name: string, value: unknown): number {
  if (typeof value === "boolean") return value ? 1 : 0;
  const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
  if (typeof value === "object" || Number.isNaN(number)) throw new QueryError(name, "Input should be a valid number");
  return number;
}

function toBoolean(name: string, value: unknown): boolean {
  const text = String(value).toLowerCase();
  if (["true", "1", "yes"].includes(text)) return true;
  if (["false", "0", "no"].includes(text)) return false;
  throw new QueryError(name, "Input should be a valid boolean");
}

export interface SortKey {
  column: string;
  descending: boolean;
}

/**
 * The first rows in order, all of them without a limit; each sort value is computed once. Null sorts last in both
 * directions. Rows that cannot be among the first any more are not sorted: a search shows 64 of thousands.
 */
export function sortedBy<T>(
  rows: readonly T[],
  keys: readonly SortKey[],
  columns: Readonly<Record<string, Column<T>>>,
  limit = rows.length,
): T[] {
  const used = keys.flatMap(({ column, descending }) => {
    const get = columns[column]?.get;
    return get ? [{ get, descending }] : [];
  });
  const compare = (a: Decorated<T>, b: Decorated<T>): number => {
    for (let index = 0; index < used.length; index += 1) {
      const order = comparePlain(a.values[index] ?? null, b.values[index] ?? null, used[index]?.descending ?? false);
      if (order !== 0) return order;
    }
    return 0;
  };
  let kept: Decorated<T>[] = [];
  let last: Decorated<T> | undefined;
  for (const row of rows) {
    const decorated = { row, values: used.map(({ get }) => plain(get(row))) };
    if (last && compare(decorated, last) >= 0) continue;
    kept.push(decorated);
    if (kept.length < 2 * limit) continue;
    kept = kept.sort(compare).slice(0, limit);
    last = kept.at(-1);
  }
  return kept
    .sort(compare)
    .slice(0, limit)
    .map(({ row }) => row);
}

interface Decorated<T> {
  row: T;
  values: Plain[];
}

export function comparePlain(a: Plain, b: Plain, descending: boolean): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  const order = a < b ? -1 : 1;
  return descending ? -order : order;
}
