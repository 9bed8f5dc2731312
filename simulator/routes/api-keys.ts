import { randomBytes } from "node:crypto";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, ok, type Reply, success } from "../http/replies.ts";
import { SCOPES } from "../http/scopes.ts";
import { addKey, removeKey } from "../world/accounts.ts";
import type { ApiKey } from "../world/types.ts";

function row(call: Call, key: ApiKey): Record<string, unknown> {
  return {
    id: key.id,
    user_id: call.account.id,
    name: key.name,
    rights: key.permissions === null ? "all" : "restricted",
    permissions: key.permissions ?? { api: Object.fromEntries(SCOPES.map((scope) => [scope, {}])) },
    key_params: key.params ?? null,
    team_id: call.account.standing.team === null ? null : call.account.id,
    team_name: call.account.standing.team,
    created_at: key.createdAt,
  };
}

/** Keys of instances are not the user's to manage. */
function own(call: Call): ApiKey[] {
  return call.account.keys.filter((key) => key.instanceId === null);
}

function create(call: Call): Reply {
  const { name, permissions } = call.body;
  if (permissions === undefined || permissions === null) {
    return failure(400, "missing_permissions", "Missing permissions.");
  }
  const api = typeof permissions === "object" && "api" in permissions ? permissions.api : undefined;
  if (api === null || typeof api !== "object" || Array.isArray(api)) {
    return failure(400, "invalid_permissions", 'permissions must be {"api": {…}}.');
  }
  const unknown = Object.keys(api).find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (unknown !== undefined) return failure(400, "invalid_permissions", `Unknown permission ${unknown}.`);
  if (call.key.permissions !== null && !isWithin(api, call.key.permissions.api)) {
    // vast-api.md 1.2: an attempt to mint a wider key answers 401.
    return failure(401, "unauthorized", "A key cannot grant more than it has.");
  }
  const key = addKey(call.world, call.account, {
    key: randomBytes(32).toString("hex"),
    name: typeof name === "string" ? name : "",
    permissions: { api: api as Record<string, unknown> },
    params: call.body.key_params ?? null,
    instanceId: null,
  });
  return ok({ id: key.id, key: key.key, permissions: key.permissions });
}

function isWithin(asked: object, granted: Record<string, unknown>): boolean {
  return Object.entries(asked).every(([scope, tree]) => {
    const have = granted[scope];
    if (have === undefined) return false;
    return Object.keys(have as object).length === 0 || JSON.stringify(have) === JSON.stringify(tree);
  });
}

function find(call: Call): ApiKey | undefined {
  return own(call).find((key) => key.id === Number(call.params.id));
}

const NO_KEY = failure(404, "not_found", "API key not found.");

/** A new secret for the account's first key; the old one is nobody's from now on. */
function reset(call: Call): Reply {
  const [first] = own(call);
  const key = randomBytes(32).toString("hex");
  if (first) removeKey(call.world, call.account, first);
  addKey(call.world, call.account, { key, name: first?.name ?? "default", permissions: null, instanceId: null });
  return success({ new_api_key: key });
}

export const apiKeyEndpoints = [
  endpoint({
    method: "GET",
    path: "/api/v0/auth/apikeys/",
    chapter: "6.3",
    scope: "user_read",
    limit: { minIntervalS: 1 },
    coverage: "complete",
    handle: (call) => ok({ apikeys: own(call).map((key) => row(call, key)) }),
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/auth/apikeys/",
    chapter: "6.3",
    scope: "user_write",
    limit: { minIntervalS: 2 },
    coverage: "complete; conditions (eq, lte, gte) are on arguments of path, query and body by name",
    handle: create,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/auth/apikeys/{id}/",
    chapter: "6.3",
    scope: "user_read",
    limit: { minIntervalS: 1 },
    coverage: "complete",
    handle: (call) => {
      const key = find(call);
      return key ? ok(row(call, key)) : NO_KEY;
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/auth/apikeys/{id}/",
    chapter: "6.3",
    scope: "user_write",
    limit: { minIntervalS: 2 },
    coverage: "complete",
    handle: (call) => {
      const key = find(call);
      if (!key) return NO_KEY;
      removeKey(call.world, call.account, key);
      // A bare JSON string.
      return ok("API key deleted successfully");
    },
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/commands/reset_apikey/",
    chapter: "6.3",
    scope: "user_write",
    coverage: "complete",
    handle: reset,
  }),
];
