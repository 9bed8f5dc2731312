import { createHash } from "node:crypto";
import { type Client, httpClient, must } from "./http.ts";
import type { WorldEvent } from "./ledger-audit.ts";
import { objectSink } from "./object-sink.ts";
import { badOperator, spotTrainer, steadyUser } from "./scripted-clients.ts";

/** What a simulator has to be started with, so that nothing but the seed and the clients decides what happens. */
export const SCRIPT_START = 1_793_000_000;

const DAY_S = 86_400;
const TURN_S = 1200;
const SECOND_KEY = "key-of-the-steady-user";

/** Every kind that strikes by itself; only "delay" is missing: it would hold a call until the next step. */
const FAULTS: readonly Record<string, unknown>[] = [
  { endpoint: "*", kind: "status", status: 503, probability: 0.01 },
  { endpoint: "*", kind: "html", probability: 0.005 },
  { endpoint: "*", kind: "drop-before", probability: 0.005 },
  { endpoint: "*", kind: "drop-after", probability: 0.01 },
  { endpoint: "*", kind: "truncate", probability: 0.005 },
  { endpoint: "*", kind: "wrong-shape", probability: 0.005 },
  { endpoint: "GET /api/v1/instances/", kind: "stale-list", probability: 0.01 },
  { endpoint: "GET /api/v1/instances/", kind: "omit-from-list", probability: 0.005 },
  { endpoint: "GET /api/v0/instances/{id}/", kind: "null-instance", probability: 0.05 },
  { endpoint: "PUT /api/v0/asks/{id}/", kind: "offer-gone", probability: 0.02 },
  { endpoint: "PUT /api/v0/asks/{id}/", kind: "price-rise", body: 1.2, probability: 0.05 },
  { endpoint: "PUT /api/v0/asks/{id}/", kind: "no-room", probability: 0.05 },
  { endpoint: "boot", kind: "pull-stuck", probability: 0.02 },
  { endpoint: "boot", kind: "boot-fail", probability: 0.03 },
  { endpoint: "boot", kind: "cuda-mismatch", probability: 0.02 },
  { endpoint: "boot", kind: "host-offline", seconds: 900, probability: 0.02 },
  { endpoint: "copy", kind: "copy-noop", probability: 0.1 },
  { endpoint: "copy", kind: "copy-half", probability: 0.1 },
  { endpoint: "copy", kind: "copy-fail", probability: 0.1 },
  { endpoint: "copy", kind: "copy-stuck", probability: 0.05 },
];

/** A simulator with a paused clock, a live market and no rate limits. */
export interface Place {
  url: string;
  api: Client;
  admin: Client;
}

export interface Days {
  events: WorldEvent[];
  hash: string;
  billUsd: number;
}

/** Three scripted clients take turns while the clock is stepped, under faults of every kind. */
export async function liveThrough({ url, api, admin }: Place, days: number): Promise<Days> {
  await using sink = await objectSink();
  const connection = { name: "days", endpoint: sink.url, accessKeyId: "days", secretAccessKey: "days" };
  const { id } = await must(admin, "POST", "/admin/connections", connection);
  await must(admin, "POST", "/admin/accounts", { apiKey: SECOND_KEY, credit: 1e5 });
  for (const fault of FAULTS) await must(admin, "POST", "/admin/faults", { times: null, ...fault });
  const second = httpClient(url, SECOND_KEY);
  try {
    const turns = [spotTrainer(api, id), steadyUser(second), badOperator(admin)];
    const events: WorldEvent[] = [];
    for (let now = SCRIPT_START; now < SCRIPT_START + days * DAY_S; now += TURN_S) {
      for (const turn of turns) await turn(now);
      await must(admin, "POST", "/admin/clock", { step: TURN_S });
      // Turn by turn, and not at the end: the log forgets what is old.
      const fresh: WorldEvent[] = await must(admin, "GET", `/admin/events?since=${now}`);
      events.push(...fresh.filter(({ sequence }) => sequence > (events.at(-1)?.sequence ?? 0)));
    }
    const { totalUsd } = await must(admin, "GET", "/admin/bill");
    return { events, hash: hashOf(events), billUsd: totalUsd };
  } finally {
    second.close();
  }
}

function hashOf(events: readonly WorldEvent[]): string {
  const hash = createHash("sha256");
  for (const event of events) hash.update(`${JSON.stringify(event)}\n`);
  return hash.digest("hex");
}

/** Where two logs part; undefined when they are the same. */
export function firstDifference(a: readonly WorldEvent[], b: readonly WorldEvent[]): number | undefined {
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    if (JSON.stringify(a[index]) !== JSON.stringify(b[index])) return index;
  }
  return undefined;
}

export function countKinds(events: readonly WorldEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of events) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
