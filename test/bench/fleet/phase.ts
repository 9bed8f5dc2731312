import { SPACING_S, UNLISTED_SPACING_S } from "../../../provider/api/pacing.ts";
import type { LocalCloud } from "../../../tools/local.ts";

/** One line of the simulator's own request log; `at` in virtual epoch seconds. */
interface Request {
  at: number;
  route: string;
  status: number;
}

export const RENT = "PUT /api/v0/asks/{id}/";
export const LIST = "GET /api/v1/instances/";
export const BULK_DESTROY = "DELETE /api/v0/instances/";
export const SET = "PUT /api/v0/instances/{id}/";

/** The endpoint whose minimum interval is the physical limit of a phase, and how often it must be called. */
export interface Need {
  endpoint: string;
  calls: number;
}

export interface PhaseFigures {
  phase: string;
  calls: Record<string, number>;
  /** Virtual seconds from the first to the last call of the limiting endpoint; null below two calls. */
  seconds: number | null;
  /** (calls required - 1) × interval, virtual seconds; null when one call is enough. */
  limitSeconds: number | null;
  ratio: number | null;
  http429: number;
  /** The endpoints that answered 429. */
  refused: Record<string, number>;
  limitedBy: string;
  callsRequired: number;
  /** From the first to the last call of any endpoint, virtual seconds. */
  virtualSeconds: number;
  wallSeconds: number;
  /** Virtual seconds per second in this phase. */
  speed: number;
}

/** Runs a phase alone and judges it by what arrived at the simulator. Without a need: the endpoint that took longest. */
export async function measured(
  local: LocalCloud,
  { phase, speed, need }: { phase: string; speed: number; need?: Need },
  run: () => Promise<unknown>,
): Promise<PhaseFigures> {
  await local.admin("DELETE", "/admin/requests");
  const startedMs = performance.now();
  await run();
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const requests = await local.admin<Request[]>("GET", "/admin/requests");
  const calls = countOf(requests);
  const { endpoint, calls: required } = need ?? slowest(calls);
  const seconds = spanS(requests.filter(({ route }) => route === endpoint));
  const limitSeconds = required < 2 ? null : (required - 1) * intervalS(endpoint);
  const ratio = seconds === null || limitSeconds === null ? null : seconds / limitSeconds;
  const refused = requests.filter(({ status }) => status === 429);
  return {
    ...{ phase, calls, seconds: rounded(seconds), limitSeconds: rounded(limitSeconds), ratio: rounded(ratio) },
    http429: refused.length,
    refused: countOf(refused),
    ...{ limitedBy: endpoint, callsRequired: required, speed },
    virtualSeconds: rounded(spanS(requests)) ?? 0,
    wallSeconds: Math.round(wallSeconds * 10) / 10,
  };
}

function countOf(requests: readonly Request[]): Record<string, number> {
  const calls: Record<string, number> = {};
  for (const { route } of requests) calls[route] = (calls[route] ?? 0) + 1;
  return Object.fromEntries(Object.entries(calls).sort(([, a], [, b]) => b - a));
}

function slowest(calls: Record<string, number>): Need {
  const [first = "", count = 0] =
    Object.entries(calls).sort(([a, n], [b, m]) => (m - 1) * intervalS(b) - (n - 1) * intervalS(a))[0] ?? [];
  return { endpoint: first, calls: count };
}

function intervalS(endpoint: string): number {
  return SPACING_S[endpoint] ?? UNLISTED_SPACING_S;
}

function spanS(requests: readonly Request[]): number | null {
  if (requests.length < 2) return null;
  const times = requests.map(({ at }) => at);
  return times.reduce((a, b) => Math.max(a, b)) - times.reduce((a, b) => Math.min(a, b));
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}
