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
  return allows(key.permissions.api[endpoint.scope], endpoint);
}

/**
 * `{}` grants the whole scope. A tree below it narrows it to routes and methods: `instance_write → api.commands.rclone
 * → POST` allows cloud copies alone (vast-api.md 1.2).
 */
function allows(granted: unknown, endpoint: Endpoint): boolean {
  if (granted === undefined || granted === null || typeof granted !== "object") return false;
  const routes = Object.entries(granted);
  if (routes.length === 0) return true;
  const segments = endpoint.path
    .split("/")
    .filter((part) => part !== "" && !/^v\d$/.test(part) && !part.startsWith("{"));
  const name = segments.join(".");
  return routes.some(([route, methods]) => {
    if (route !== name) return false;
    if (methods === null || typeof methods !== "object") return true;
    const allowed = Object.keys(methods);
    return allowed.length === 0 || allowed.includes(endpoint.method);
  });
}
