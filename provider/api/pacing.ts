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
  "DELETE /api/v0/instances/{id}/ssh/{key}/": 2.0,
  "GET /api/v0/volumes/": 5.5,
  "POST /api/v0/volumes/search/": 5.5,
  "PUT /api/v0/volumes/": 5.5,
  "DELETE /api/v0/volumes/": 5.5,
  "GET /api/v0/users/cloud_integrations/": 2.9,
};
export const UNLISTED_SPACING_S = 1.0;

/** Calls leave a little later than the limit allows: a call that travels faster than the one before it must not be early. */
const MARGIN = 1.03;

/**
 * Held for a millisecond at a time, so a lock older than two seconds is of a process that was killed. Whoever cannot get
 * it in that time goes on without: the worst of it is a 429, which is waited out, while an error would stop a destroy.
 */
const LOCK = { realpath: false, stale: 2_000, retries: { retries: 90, factor: 1.2, minTimeout: 2, maxTimeout: 40 } };

export interface Pacer {
  /** Resolves when the caller may send on `route`, and not before the interval since the last one has passed. */
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
      const release = await lock(file, LOCK).catch(() => undefined);
      try {
        return work();
      } finally {
        await release?.().catch(() => undefined);
      }
    });
    queue = result.catch(() => undefined);
    return result;
  };

  /** Wall time: what other processes read in the file too. */
  const nowMs = () => clock.nowS() * 1000;
  /** The slot when it is free now, else how long until it may be, in wall milliseconds. */
  const take = (route: string, spacingS: number): number => {
    const now = nowMs();
    const free = readSlots(file, now);
    const waitMs = (free[route] ?? 0) - now;
    if (waitMs > 0) return waitMs;
    writeSlots(file, { ...free, [route]: now + (spacingS * 1000) / clock.scale });
    return 0;
  };
  const keepFree = (route: string, seconds: number): void => {
    const now = nowMs();
    const free = readSlots(file, now);
    writeSlots(file, { ...free, [route]: Math.max(free[route] ?? 0, now + (seconds * 1000) / clock.scale) });
  };

  // Slots are taken when they are due, never ahead of time: who waits heeds a penalty that comes meanwhile, a late call
  // puts off the next one, and a run that is killed leaves no queue behind.
  const turns = new Map<string, Promise<void>>();
  /** When the last caller of this process really left, which is a little after its slot: the file took its time. */
  const leftAt = new Map<string, number>();
  const inTurn = (route: string, work: () => Promise<void>): Promise<void> => {
    const mine = (turns.get(route) ?? Promise.resolve()).then(work);
    turns.set(
      route,
      mine.catch(() => undefined),
    );
    return mine;
  };

  return {
    slot: (route) =>
      inTurn(route, async () => {
        const spacingS = (SPACING_S[route] ?? UNLISTED_SPACING_S) * MARGIN;
        for (;;) {
          const ownMs = (leftAt.get(route) ?? 0) + (spacingS * 1000) / clock.scale - nowMs();
          const waitMs = ownMs > 0 ? ownMs : await exclusively(() => take(route, spacingS));
          if (waitMs === 0) break;
          await clock.sleep((waitMs / 1000) * clock.scale);
        }
        leftAt.set(route, nowMs());
      }),
    holdOff: (route, seconds) => exclusively(() => keepFree(route, seconds)),
  };
}

function writeSlots(file: string, slots: Record<string, number>): void {
  writeFileSync(`${file}.tmp`, JSON.stringify(slots), { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
}

/** Slots further ahead than this are from a broken clock or file: no interval or penalty is that long. */
const FARTHEST_SLOT_MS = 60_000;

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
