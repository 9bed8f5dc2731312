import { isVastError, VastError } from "./errors.ts";
import { destroyInstance, destroyInstances } from "./instances.ts";
import type { Sweeper } from "./sweep.ts";
import type { Transport } from "./transport.ts";

/** Most ids the official client puts in one bulk call (vast-api.md 3.5 "Bulk"). */
const BULK_SIZE = 64;
/**
 * The first call leaves once nobody has come for this wall time, seconds: the engine starts the deletes of a fleet one by
 * one, with a checkpoint between two of them.
 */
const GATHER_WALL_S = 0.3;
/** A destroy this long after the last one is taken to be a single one, seconds. */
const CALLS_APART_S = 3;
/** How long a destroyed contract may stay listed, seconds (vast-api.md 3.5: "some seconds"). */
const GONE_WITHIN_S = 180;
const POLL_S = 5;

export interface Destroyer {
  /** Destroys and proves: resolves once a complete listing no longer has the contract; succeeds if it was gone already. */
  destroy(id: number): Promise<void>;
}

interface Waiting {
  id: number;
  done: (error?: unknown) => void;
}

/**
 * Concurrent destroys become bulk calls of up to 64 ids, three seconds apart, instead of one call each. One call is under
 * way at a time; whoever comes meanwhile, or while the next one waits for its turn, goes with the next: workers whose
 * copy-outs end one after the other share calls too.
 */
export function createDestroyer(transport: Transport, sweeper: Sweeper): Destroyer {
  const { clock } = transport;
  const waiting: Waiting[] = [];
  /** Ends when nobody waits any more. */
  let working: Promise<void> | undefined;
  let lastCallS = Number.NEGATIVE_INFINITY;
  let bulkWorks = true;

  async function oneByOne(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      await transport.call(destroyInstance, id).catch((error: unknown) => {
        if (!isVastError(error, "not-found")) throw error;
      });
    }
  }

  async function inBulk(ids: () => readonly number[]): Promise<void> {
    try {
      await transport.call(destroyInstances, ids);
    } catch (error) {
      // The bulk route is known from the official client only: where it does not exist, one call each does the same.
      if (!isVastError(error, "refused", "unexpected", "not-found")) throw error;
      bulkWorks = false;
      await oneByOne(ids());
    }
  }

  async function sendNext(): Promise<void> {
    const batch: Waiting[] = [];
    const ids = () => {
      if (batch.length === 0) batch.push(...waiting.splice(0, BULK_SIZE));
      return batch.map((entry) => entry.id);
    };
    const alone = waiting.length === 1 && clock.elapsedS() - lastCallS > CALLS_APART_S;
    let failure: unknown;
    try {
      await (alone || !bulkWorks ? oneByOne(ids()) : inBulk(ids));
    } catch (error) {
      failure = error;
      ids();
    }
    lastCallS = clock.elapsedS();
    for (const entry of batch) entry.done(failure);
  }

  async function work(): Promise<void> {
    for (let seen = 0; seen < waiting.length && seen < BULK_SIZE; ) {
      seen = waiting.length;
      await clock.sleep(GATHER_WALL_S * clock.scale);
    }
    while (waiting.length > 0) await sendNext();
    working = undefined;
  }

  async function assertGone(id: number): Promise<void> {
    const deadline = clock.elapsedS() + GONE_WITHIN_S;
    for (;;) {
      const sweep = await sweeper.since(clock.elapsedS());
      if (!sweep.rows.has(id)) return;
      if (clock.elapsedS() > deadline) {
        throw new VastError(
          "unexpected",
          `contract ${id} is still listed ${GONE_WITHIN_S} s after its destroy was accepted; it may still bill`,
          {
            fix: "it stays in the state; run destroy again, and look at it in the Vast console",
          },
        );
      }
      await clock.sleep(POLL_S);
    }
  }

  return {
    destroy: async (id) => {
      await new Promise<void>((resolve, reject) => {
        waiting.push({ id, done: (error) => (error === undefined ? resolve() : reject(error)) });
        working ??= work();
      });
      // One listing after the last of them is proof for all.
      await working;
      sweeper.invalidate();
      await assertGone(id);
    },
  };
}
