import { VastError } from "./errors.ts";
import { type InstanceRow, type ListPage, listInstances } from "./instances.ts";
import type { Transport } from "./transport.ts";

/** Every contract of the account at one time: complete and well-formed, or an error. */
export interface Sweep {
  /** `clock.elapsedS()` when the first page was asked for. */
  startedAtS: number;
  rows: ReadonlyMap<number, InstanceRow>;
}

/** Rows that vanish between two pages can make a sweep look short; more often than this it is short. */
const MAX_TRIES = 3;

/**
 * One paged listing serves every read of a run: N refreshes cost ceil(N/25) calls instead of N (design.md, "Speed").
 * Callers say how old an answer they can take; those who wait at the same time share the next sweep.
 */
export interface Sweeper {
  /** A sweep whose first page was asked for at or after `notBeforeS` of the clock. */
  since(notBeforeS: number): Promise<Sweep>;
  /** A sweep no older than `seconds`. */
  atMost(seconds: number): Promise<Sweep>;
  /** The rows of a contract have changed by our own doing: what was listed before must not be used again. */
  invalidate(): void;
}

export function createSweeper(transport: Transport): Sweeper {
  const { clock } = transport;
  let latest: Sweep | undefined;
  let running: { startedAtS: number; result: Promise<Sweep> } | undefined;
  let validFromS = Number.NEGATIVE_INFINITY;

  function start(): Promise<Sweep> {
    const startedAtS = clock.elapsedS();
    const result = sweepOnce(transport, startedAtS).then((sweep) => {
      latest = sweep;
      return sweep;
    });
    running = { startedAtS, result };
    const clear = () => {
      running = undefined;
    };
    result.then(clear, clear);
    return result;
  }

  async function since(notBeforeS: number): Promise<Sweep> {
    const from = Math.max(notBeforeS, validFromS);
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
    return start();
  }

  return {
    since,
    atMost: (seconds) => since(clock.elapsedS() - seconds),
    invalidate: () => {
      validFromS = clock.elapsedS();
    },
  };
}

async function sweepOnce(transport: Transport, startedAtS: number): Promise<Sweep> {
  for (let attempt = 1; ; attempt += 1) {
    const rows = new Map<number, InstanceRow>();
    let token: string | null = null;
    let total = 0;
    const seen = new Set<string>();
    do {
      const page: ListPage = await transport.call(listInstances, token);
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
