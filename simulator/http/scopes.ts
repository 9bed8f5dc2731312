import type { ApiKey } from "../world/types.ts";
import type { Call, Endpoint } from "./endpoint.ts";

export const SCOPES = [
  "instance_read",
  "instance_write",
  "misc",
  "user_read",
  "user_write",
  "billing_read",
  "billing_write",
] as const;
export type Scope = (typeof SCOPES)[number];

/** What an instance's own key may do: show, start, stop and destroy that instance (vast-api.md 1.2). */
const OWN_ROUTES = ["GET /api/v0/instances/{id}/", "PUT /api/v0/instances/{id}/", "DELETE /api/v0/instances/{id}/"];

export function permits(key: ApiKey, endpoint: Endpoint, call: Call): boolean {
  if (key.instanceId !== null) {
    const own = OWN_ROUTES.includes(`${endpoint.method} ${endpoint.path}`);
    return own && Number(call.params.id) === key.instanceId;
  }
  if (key.permissions === null) return true;
  return allows(key.permissions.api[endpoint.scope], endpoint, () => argumentsOf(call));
}

type Arguments = Readonly<Record<string, unknown>>;

const METHODS = ["GET", "POST", "PUT", "DELETE"];

/**
 * `{}` grants the whole scope. A tree below it narrows it to routes and methods: `instance_write → api.commands.rclone
 * → POST` allows cloud copies alone (vast-api.md 1.2). Conditions on arguments stand below a route or a method.
 */
function allows(granted: unknown, endpoint: Endpoint, args: () => Arguments): boolean {
  if (granted === undefined || granted === null || typeof granted !== "object") return false;
  if (Object.keys(granted).length === 0) return true;
  const segments = endpoint.path
    .split("/")
    .filter((part) => part !== "" && !/^v\d$/.test(part) && !part.startsWith("{"));
  const rule = (granted as Record<string, unknown>)[segments.join(".")];
  if (rule === undefined) return false;
  const entries = rule !== null && typeof rule === "object" ? Object.entries(rule) : [];
  const methods = entries.filter(([name]) => METHODS.includes(name));
  if (!satisfies(Object.fromEntries(entries.filter((entry) => !methods.includes(entry))), args)) return false;
  if (methods.length === 0) return true;
  const method = methods.find(([name]) => name === endpoint.method);
  return method !== undefined && satisfies(method[1], args);
}

/** Path parameters first: a body cannot pass another id off as the one in the path. */
function argumentsOf(call: Call): Arguments {
  return { ...bodyOf(call.rawBody), ...Object.fromEntries(call.query), ...call.params };
}

function bodyOf(raw: string): Arguments {
  try {
    const parsed: unknown = JSON.parse(raw);
    return parsed !== null && typeof parsed === "object" ? (parsed as Arguments) : {};
  } catch {
    return {};
  }
}

const TESTS: Readonly<Record<string, (value: unknown, bound: unknown) => boolean>> = {
  eq: (value, bound) => String(value) === String(bound),
  lte: (value, bound) => Number(value) <= Number(bound),
  gte: (value, bound) => Number(value) >= Number(bound),
};

/**
 * `{id: {eq: 7}}`, or the same below `constraints`. An argument that is missing satisfies nothing, and a condition that
 * is no eq, lte or gte neither: in doubt the key opens less.
 */
function satisfies(rule: unknown, args: () => Arguments): boolean {
  if (rule === null || typeof rule !== "object") return true;
  const { constraints, ...rest } = rule as Record<string, unknown>;
  const conditions = Object.entries({ ...rest, ...(constraints as object | undefined) });
  if (conditions.length === 0) return true;
  const values = args();
  return conditions.every(([name, condition]) => {
    if (condition === null || typeof condition !== "object") return false;
    return Object.entries(condition).every(
      ([op, bound]) => values[name] !== undefined && TESTS[op]?.(values[name], bound) === true,
    );
  });
}
