import type { z } from "zod";

/** What the engine sends for values that a preview does not know yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export interface CheckFailure {
  property: string;
  reason: string;
}
export interface CheckResult {
  inputs: Record<string, unknown>;
  failures: CheckFailure[];
}

type Path = readonly PropertyKey[];

/**
 * Parses inputs as far as they are known, property by property: problems at or around a value that a preview does not
 * know yet are left to the update. Defaults are filled in, so that policies and readers of the state see what holds.
 */
export function checkInputs<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  news: Record<string, unknown>,
  crossChecks: (known: Partial<z.output<z.ZodObject<Shape>>>, unknown: ReadonlySet<string>) => CheckFailure[],
): CheckResult {
  const { __provider, ...given } = news;
  const failures: CheckFailure[] = [];
  const inputs: Record<string, unknown> = {};
  const known: Record<string, unknown> = {};
  /** Properties that are, or contain, what a preview does not know: absent is not the same as unknown. */
  const unknown = new Set(Object.keys(given).filter((key) => pathsOfUnknowns(given[key]).length > 0));
  const strange = Object.keys(given).filter((key) => !(key in schema.shape));
  failures.push(...strange.map((property) => ({ property, reason: NOT_A_PROPERTY })));
  for (const [key, property] of Object.entries(schema.shape)) {
    const value = given[key];
    const unknowns = pathsOfUnknowns(value, [key]);
    const parsed = (property as z.ZodType).safeParse(value, { reportInput: true });
    if (parsed.success && unknowns.length === 0) {
      if (parsed.data !== undefined) inputs[key] = known[key] = parsed.data;
      continue;
    }
    const issues = parsed.success ? [] : flatten(parsed.error.issues, [key]);
    const certain = issues.filter((issue) => !unknowns.some((path) => touches(path, issue.path)));
    failures.push(...certain.map((issue) => ({ property: issue.path.map(String).join("."), reason: issue.message })));
    if (value !== undefined) inputs[key] = value;
    const partly = withoutUnknowns(value);
    if (partly !== undefined && value !== UNKNOWN) known[key] = partly;
  }
  if (failures.length === 0) failures.push(...crossChecks(known as Partial<z.output<z.ZodObject<Shape>>>, unknown));
  return { inputs: JSON.parse(JSON.stringify(inputs)) as Record<string, unknown>, failures };
}

const NOT_A_PROPERTY = "is not a property of this resource; check its spelling in docs/resources";

interface Issue {
  path: Path;
  message: string;
}

/** A union's issue hides what is wrong inside its likeliest member: the one with the fewest problems. */
function flatten(issues: readonly z.core.$ZodIssue[], base: Path = []): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issue.path];
    if (issue.code === "invalid_union" && issue.errors.length > 0) {
      const members = issue.errors.map((member) => flatten(member, path));
      return members.reduce((best, member) =>
        depth(member) > depth(best) || (depth(member) === depth(best) && member.length < best.length) ? member : best,
      );
    }
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: [...path, key], message: NOT_A_PROPERTY }));
    }
    return [{ path, message: describe(issue) }];
  });
}

/** Members of a union that got as far as a meaningful rule are likelier meant than those of another type. */
function depth(issues: readonly Issue[]): number {
  return issues.some((issue) => /expected|not a property/.test(issue.message)) ? 0 : 1;
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type" && issue.input === undefined) return `is missing (${issue.expected} expected)`;
  // What is wrong with a name in a record is said one level deeper.
  return issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
}

function pathsOfUnknowns(value: unknown, path: Path = []): Path[] {
  if (value === UNKNOWN) return [path];
  if (Array.isArray(value)) return value.flatMap((item, index) => pathsOfUnknowns(item, [...path, index]));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([key, item]) => pathsOfUnknowns(item, [...path, key]));
  return [];
}

function touches(unknown: Path, issue: Path): boolean {
  const length = Math.min(unknown.length, issue.length);
  return unknown.slice(0, length).every((part, index) => String(part) === String(issue[index]));
}

function withoutUnknowns(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== UNKNOWN).map(withoutUnknowns);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== UNKNOWN)
        .map(([key, item]) => [key, withoutUnknowns(item)]),
    );
  }
  return value;
}
