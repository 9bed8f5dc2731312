import { VastError } from "./errors.ts";
import { gathered, type Quiet } from "./gather.ts";
import { type InstanceRow, type ListPage, listInstances } from "./instances.ts";
import type { Transport } from "./transport.ts";

/** Every contract of the account at one time: complete and well-formed, or an error. */
export interface Sweep {
  /** `clock.elapsedS()` when the first page was asked for: whatever was so by then is in it. */
  startedAtS: number;
  rows: ReadonlyMap<number, InstanceRow>;
}

/** Rows that vanish between two pages can make a sweep look short; more often than this it is short. */
const MAX_TRIES = 3;

/** A lone reader hardly waits; those of a fleet come closer together than this. */
const FIRST: Quiet = { quietS: 0.015, longestS: 0.6 };
/** Who comes this soon after a sweep is of a crowd that the last one has not waited for, wall seconds. */
const SOON_S = 0.25;
const NEXT: Quiet = { quietS: 0.15, longestS: 0.75 };

/**
 * One paged listing serves every read of a run: N refreshes cost ceil(N/25) calls instead of N (design.md, "Speed").
 * Callers say how old an answer they can take; those who wait at the same time share the next sweep.
 */
export interface Sweeper {
  /**
   * A sweep whose first page was asked for at or after `notBeforeS` of the clock.
   *
   * @param crowd whether others who need a sweep as new may still be on their way, or all ask at the same moment
   */
  since(notBeforeS: number, crowd?: Crowd): Promise<Sweep>;
  /** The same, in no hurry: many who watch a large account keep the list no more than half of the time busy. */
  nextSince(notBeforeS: number): Promise<Sweep>;
  /** A sweep no older than `seconds`. */
  atMost(seconds: number): Promise<Sweep>;
  /** The rows of a contract have changed by our own doing: what was listed before must not be used again. */
  invalidate(): void;
  /** How many have asked so far: while they come, a fleet's reads and deletes are still being started. */
  asked(): number;
}

type Crowd = "growing" | "complete";

/** A sweep that waits, or whose pages come in. */
interface Running {
  /** Infinite until the first page has been asked for: it will be later than anybody who asks now. */
  startedAtS: number;
  result: Promise<Sweep>;
}

export function createSweeper(transport: Transport): Sweeper {
  const { clock } = transport;
  let latest: Sweep | undefined;
  let running: Running | undefined;
  let validFromS = Number.NEGATIVE_INFINITY;
  let asked = 0;
  let endedAtS = Number.NEGATIVE_INFINITY;
  /** When the endpoint has rested for as long as the last sweep took. */
  let restedAtS = Number.NEGATIVE_INFINITY;

  function start(crowd: Crowd): Promise<Sweep> {
    const firstPageLeaves = () => {
      mine.startedAtS = clock.elapsedS();
      return mine.startedAtS;
    };
    const isRest = crowd === "growing" && clock.elapsedS() - endedAtS < SOON_S * clock.scale;
    const mine: Running = {
      startedAtS: Number.POSITIVE_INFINITY,
      result: gathered(clock, () => asked, isRest ? NEXT : FIRST).then(() => sweepOnce(transport, firstPageLeaves)),
    };
    running = mine;
    const settle = () => {
      running = undefined;
    };
    mine.result.then((sweep) => {
      latest = sweep;
      endedAtS = clock.elapsedS();
      restedAtS = 2 * endedAtS - sweep.startedAtS;
      settle();
    }, settle);
    return mine.result;
  }

  async function since(notBeforeS: number, crowd: Crowd = "growing"): Promise<Sweep> {
    const from = Math.max(notBeforeS, validFromS);
    asked += 1;
    if (latest && latest.startedAtS >= from) return latest;
    // A sweep under way that began too early is waited out, so that only one runs at a time.
    while (running) {
      const current = running;
      const sweep = await current.result.catch((error: unknown) => {
        if (current.startedAtS >= from) throw error;
        return undefined;
      });
      if (sweep && sweep.startedAtS >= from) return sweep;
      if (latest && latest.startedAtS >= from) return latest;
    }
    return start(crowd);
  }

  return {
    since,
    nextSince: async (notBeforeS) => {
      const pauseS = restedAtS - clock.elapsedS();
      if (!running && pauseS > 0) await clock.sleep(pauseS);
      return since(notBeforeS, "complete");
    },
    atMost: (seconds) => since(clock.elapsedS() - seconds),
    invalidate: () => {
      validFromS = clock.elapsedS();
    },
    asked: () => asked,
  };
}

async function sweepOnce(transport: Transport, firstPageLeaves: () => number): Promise<Sweep> {
  for (let attempt = 1; ; attempt += 1) {
    const rows = new Map<number, InstanceRow>();
    let startedAtS = 0;
    let token: string | null = null;
    let total = 0;
    const seen = new Set<string>();
    do {
      const page: ListPage = await transport.call(listInstances, () => {
        if (token === null) startedAtS = firstPageLeaves();
        return token;
      });
      for (const row of page.rows) rows.set(row.id, row);
      total = page.total;
      token = page.nextToken;
      if (token !== null && seen.has(token))
        throw new VastError("unexpected", "the instance list hands out the same page token twice");
      if (token !== null) seen.add(token);
    } while (token !== null);
    // Rows that disappeared meanwhile are no loss; rows that the service counts and did not send are.
    if (rows.size >= total) return { startedAtS, rows };
    if (attempt >= MAX_TRIES) {
      throw new VastError(
        "unexpected",
        `the instance list is incomplete: ${rows.size} of ${total} contracts were sent`,
        {
          endpoint: "GET /api/v1/instances/",
          fix: "nothing was concluded from it; run the command again",
        },
      );
    }
  }
}
