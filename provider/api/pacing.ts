import { createHash } from "node:crypto";
import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { lock, lockSync } from "proper-lockfile";
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

/**
 * Slots are this share of the interval further apart than the limit allows. Half of it is for the way to the service: a
 * call that travels faster than the one before it must not be early. The other half absorbs calls that leave late, so
 * that a run of late timers does not add up. A 429 shows that the way varies more, and doubles it.
 */
const MARGIN = 0.03;
const WIDEST_MARGIN = 0.24;

/**
 * Held for a millisecond at a time, so a lock older than two seconds is of a process that was killed. Whoever cannot get
 * it in that time goes on without: the worst of it is a 429, which is waited out, while an error would stop a destroy.
 */
const STALE_LOCK_MS = 2_000;
const LOCK = {
  realpath: false,
  stale: STALE_LOCK_MS,
  retries: { retries: 90, factor: 1.2, minTimeout: 2, maxTimeout: 40 },
};

/** Shorter stalls of this process than this are no reason to give a slot up, however fast the clock. */
const SHORT_STALL_MS = 20;

export interface Pacer {
  /**
   * Sends when the interval since the last call of the route has passed. `send` says when its request is really on its
   * way, which is later where a connection had to be made: from then on the next interval counts.
   */
  inTurn<T>(route: string, send: (left: () => void) => Promise<T>): Promise<T>;
  /** After a 429: nobody sends on `route` for another `seconds`. */
  holdOff(route: string, seconds: number): Promise<void>;
}

/**
 * Paces every process that uses the same key on the same endpoint, through one small file: a preview followed by an
 * update, or two stacks of one account, would otherwise each believe the endpoint to be idle.
 */
export function sharedPacer(identity: { endpoint: string; apiKey: string }, clock: Clock): Pacer {
  const wall = wallOf(clock);
  const book = slotBook(identity, wall);
  const margins = new Map<string, number>();
  const turns = new Map<string, Promise<void>>();
  const marginOf = (route: string): number => margins.get(route) ?? MARGIN;
  const spacingMs = (route: string): number => ((SPACING_S[route] ?? UNLISTED_SPACING_S) * 1000) / clock.scale;

  const guardMs = (route: string): number => spacingMs(route) * (marginOf(route) / 2);

  /**
   * Waits for the next free slot. Each process takes only one ahead, so a run that is killed leaves no queue behind, and
   * gives it up for a later one when a penalty or a late call came meanwhile, or when it woke too late for it itself.
   */
  async function nextSlot(route: string): Promise<number> {
    let missed: number | undefined;
    for (;;) {
      const slotMs = await book.take(route, spacingMs(route) * (1 + marginOf(route)), missed);
      await wall.until(slotMs);
      const inTime = wall.nowMs() - slotMs <= Math.max(spacingMs(route) / 2, SHORT_STALL_MS);
      if (inTime && book.closedUntilMs(route) <= slotMs) return slotMs;
      missed = slotMs;
    }
  }

  /** A call that left later than its slot allows for puts off the next one. */
  async function departed(route: string, slotMs: number): Promise<void> {
    const leftMs = wall.nowMs();
    const late = leftMs - slotMs > guardMs(route);
    if (late) await book.close(route, leftMs + spacingMs(route) + guardMs(route));
  }

  function inTurn<T>(route: string, send: (left: () => void) => Promise<T>): Promise<T> {
    const before = turns.get(route) ?? Promise.resolve();
    const { promise: turn, resolve: endTurn } = Promise.withResolvers<void>();
    turns.set(route, turn);
    const paced = async (): Promise<T> => {
      await before;
      const slotMs = await nextSlot(route);
      return send(() => endTurn(departed(route, slotMs)));
    };
    // Also a call that never left lets the next one go.
    return paced().finally(endTurn);
  }

  return {
    inTurn,
    holdOff: (route, seconds) => {
      margins.set(route, Math.min(WIDEST_MARGIN, marginOf(route) * 2));
      return book.close(route, wall.nowMs() + (seconds * 1000) / clock.scale);
    },
  };
}

/** What other processes read in the file too: epoch milliseconds. */
interface Wall {
  nowMs(): number;
  /** On a clock that runs 100 times as fast as life a millisecond is a tenth of a second: to the fraction of one. */
  until(ms: number): Promise<void>;
}

/** Timers are late by up to this; the clock keeps shorter sleeps exactly. */
const TIMER_MS = 2;

function wallOf(clock: Clock): Wall {
  const nowMs = () => clock.nowS() * 1000;
  return {
    nowMs,
    until: async (ms) => {
      for (let leftMs = ms - nowMs(); leftMs > 0; leftMs = ms - nowMs()) {
        const sleepMs = leftMs > 2 * TIMER_MS ? leftMs - TIMER_MS : Math.min(leftMs, TIMER_MS);
        await clock.sleep((sleepMs / 1000) * clock.scale);
      }
    },
  };
}

/** When a route is free again, in milliseconds of the wall clock. */
interface Slot {
  /** The next slot that nobody has. */
  free: number;
  /** Slots before this are void, also those that somebody has. */
  closed: number;
}

interface SlotBook {
  /**
   * The next slot, which is now or later; the one after it is `spacingMs` further. `missed` is a slot taken before, whose
   * place is given back if nobody has taken the one after it.
   */
  take(route: string, spacingMs: number, missed?: number): Promise<number>;
  close(route: string, untilMs: number): Promise<void>;
  closedUntilMs(route: string): number;
}

function slotBook(identity: { endpoint: string; apiKey: string }, wall: Wall): SlotBook {
  // Hashed: the key must not be in a file name.
  const id = createHash("sha256").update(`${identity.endpoint}\n${identity.apiKey}`).digest("hex").slice(0, 24);
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "pulumi-vast", "pacing");
  const file = join(folder, `${id}.json`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });

  // One at a time inside the process: the lock file is for the others.
  let queue: Promise<unknown> = Promise.resolve();
  const exclusively = <T>(work: () => T): Promise<T> => {
    const result = queue.then(async () => {
      const release = lockAtOnce(file) ?? (await lock(file, LOCK).catch(() => undefined));
      try {
        return work();
      } finally {
        await release?.()?.catch(() => undefined);
      }
    });
    queue = result.catch(() => undefined);
    return result;
  };
  const slotOf = (slots: Record<string, Slot>, route: string): Slot => slots[route] ?? { free: 0, closed: 0 };

  return {
    take: (route, spacingMs, missed) =>
      exclusively(() => {
        const nowMs = wall.nowMs();
        const slots = readSlots(file, nowMs);
        const { free: next, closed } = slotOf(slots, route);
        const free = next === (missed ?? 0) + spacingMs ? (missed ?? 0) : next;
        const slotMs = Math.max(nowMs, free, closed);
        writeSlots(file, { ...slots, [route]: { free: slotMs + spacingMs, closed } });
        return slotMs;
      }),
    close: (route, untilMs) =>
      exclusively(() => {
        const slots = readSlots(file, wall.nowMs());
        const { free, closed } = slotOf(slots, route);
        writeSlots(file, { ...slots, [route]: { free, closed: Math.max(closed, untilMs) } });
      }),
    closedUntilMs: (route) => slotOf(readSlots(file, wall.nowMs()), route).closed,
  };
}

/** Almost always it is free, and then no other work comes in between. */
function lockAtOnce(file: string): (() => Promise<void> | undefined) | undefined {
  try {
    const release = lockSync(file, { realpath: false, stale: STALE_LOCK_MS });
    return () => void release();
  } catch {
    return undefined;
  }
}

/** More than all routes take; one write of whole blocks that are there already is neither torn nor waits for the disk. */
const BOOK_BYTES = 8192;

function writeSlots(file: string, slots: Record<string, Slot>): void {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    writeSync(fd, JSON.stringify(slots).padEnd(BOOK_BYTES), 0);
  } finally {
    closeSync(fd);
  }
}

/** Slots further ahead than this are from a broken clock or file: no interval or penalty is that long. */
const FARTHEST_SLOT_MS = 60_000;

function readSlots(file: string, nowMs: number): Record<string, Slot> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
    const soon = (value: unknown) => typeof value === "number" && value < nowMs + FARTHEST_SLOT_MS;
    const entries = Object.entries(parsed as Record<string, Partial<Slot> | null>).filter(
      (entry): entry is [string, Slot] => soon(entry[1]?.free) && soon(entry[1]?.closed),
    );
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}

/** For tests and tools that talk to a service without limits. */
export const noPacing: Pacer = { inTurn: (_route, send) => send(() => {}), holdOff: async () => {} };
