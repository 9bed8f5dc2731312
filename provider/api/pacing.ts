import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import type { Clock } from "../clock.ts";

/**
 * Minimum intervals between two calls of one endpoint by one identity, in seconds (vast-api.md 1.4).
 * Routes that the document does not list get `UNLISTED_SPACING_S`.
 */
export const SPACING_S: Readonly<Record<string, number>> = {
  // 10 requests a minute and address.
  "POST /api/v0/bundles/": 6.0,
  "PUT /api/v0/asks/{id}/": 4.5,
  "GET /api/v0/instances/{id}/": 2.0,
  "GET /api/v1/instances/": 1.0,
  "PUT /api/v0/instances/{id}/": 1.0,
  "DELETE /api/v0/instances/{id}/": 3.0,
  // Unverified (vast-api.md 9.1): the bulk form is taken to be no faster than the single one.
  "DELETE /api/v0/instances/": 3.0,
  "PUT /api/v0/instances/bid_price/{id}/": 5.5,
  "PUT /api/v0/instances/command/{id}/": 1.5,
  "GET /api/v0/volumes/": 5.5,
  "POST /api/v0/volumes/search/": 5.5,
  "PUT /api/v0/volumes/": 5.5,
  "DELETE /api/v0/volumes/": 5.5,
  "GET /api/v0/users/cloud_integrations/": 2.9,
};
export const UNLISTED_SPACING_S = 1.0;

/** Calls leave a little later than the limit allows: a call that travels faster than the one before it must not be early. */
const MARGIN = 1.03;

export interface Pacer {
  /** Resolves when the caller may send on `route`; each resolution is one reserved slot. */
  slot(route: string): Promise<void>;
  /** After a 429: nobody sends on `route` for another `seconds`. */
  holdOff(route: string, seconds: number): Promise<void>;
}

/**
 * Paces every process that uses the same key on the same endpoint, through one small file: a preview followed by an
 * update, or two stacks of one account, would otherwise each believe the endpoint to be idle.
 */
export function sharedPacer(identity: { endpoint: string; apiKey: string }, clock: Clock): Pacer {
  // Hashed: the key must not be in a file name.
  const id = createHash("sha256").update(`${identity.endpoint}\n${identity.apiKey}`).digest("hex").slice(0, 24);
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "pulumi-vast", "pacing");
  const file = join(folder, `${id}.json`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });

  // One reservation at a time inside the process: the lock file is for the others.
  let queue: Promise<unknown> = Promise.resolve();
  const exclusively = <T>(work: () => T): Promise<T> => {
    const result = queue.then(async () => {
      const release = await lock(file, {
        realpath: false,
        stale: 10_000,
        retries: { retries: 200, minTimeout: 2, maxTimeout: 50 },
      });
      try {
        return work();
      } finally {
        await release();
      }
    });
    queue = result.catch(() => undefined);
    return result;
  };

  const reserve = (route: string, fromNowS: number, spacingS: number): number => {
    const now = Date.now();
    const next = readSlots(file, now);
    const at = Math.max(now + (fromNowS * 1000) / clock.scale, next[route] ?? 0);
    next[route] = at + (spacingS * 1000) / clock.scale;
    writeFileSync(`${file}.tmp`, JSON.stringify(next), { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
    return at;
  };

  return {
    slot: async (route) => {
      const spacingS = (SPACING_S[route] ?? UNLISTED_SPACING_S) * MARGIN;
      const at = await exclusively(() => reserve(route, 0, spacingS));
      await clock.sleep(((at - Date.now()) / 1000) * clock.scale);
    },
    holdOff: async (route, seconds) => {
      await exclusively(() => reserve(route, seconds, 0));
    },
  };
}

/** Slots further ahead than this are from a broken clock or file, not from a queue of ours. */
const FARTHEST_SLOT_MS = 3_600_000;

function readSlots(file: string, nowMs: number): Record<string, number> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    const entries = Object.entries(parsed as Record<string, unknown>).filter(
      (entry): entry is [string, number] => typeof entry[1] === "number" && entry[1] < nowMs + FARTHEST_SLOT_MS,
    );
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}

/** For tests and tools that talk to a service without limits. */
export const noPacing: Pacer = { slot: async () => {}, holdOff: async () => {} };
