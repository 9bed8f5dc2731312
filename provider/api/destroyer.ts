import { isVastError, VastError } from "./errors.ts";
import { gathered, type Quiet } from "./gather.ts";
import { destroyInstance, destroyInstances } from "./instances.ts";
import type { Sweeper } from "./sweep.ts";
import type { Transport } from "./transport.ts";

/** Most ids the official client puts in one bulk call (vast-api.md 3.5 "Bulk"). */
const BULK_SIZE = 64;
/** A call leaves when it is full, or nobody comes any more, nor starts a delete, whose first step is a look at the list. */
const CROWD: Quiet = { quietS: 0.3, longestS: 10 };
/** A destroy this long after the last one is taken to be a single one, seconds. */
const CALLS_APART_S = 3;
/** How long a destroyed contract may stay listed, seconds (vast-api.md 3.5: "some seconds"). */
const GONE_WITHIN_S = 180;
const POLL_S = 5;

export interface Destroyer {
  /**
   * Destroys and proves: resolves once a complete listing no longer has the contract; succeeds if it was gone already.
   *
   * @param lookedAtS epoch seconds of the look by which nothing is lost with it: a call that does not leave soon after it does
   * not leave at all (a machine that sleeps for an hour in between, an instance that resumes by itself)
   * @param holdsS for how long that look says something, wall seconds; by default as one that found it never to have run
   */
  destroy(id: number, lookedAtS?: number, holdsS?: number): Promise<void>;
}

/** A look this old says nothing any more about whether a contract has run, wall seconds. */
const NEVER_RAN_HOLDS_S = 30;
/** Nor one this old about whether one that is stopped, and copied out, still is. A full queue of calls takes half of it. */
export const QUIET_HOLDS_S = 120;

interface Waiting {
  id: number;
  /** Epoch seconds after which its call must not leave. */
  untilS: number;
  done: (error?: unknown) => void;
}

class NobodyLeftError extends Error {}

function tooOld({ id }: Waiting): VastError {
  return new VastError(
    "blocked",
    `contract ${id} may have come to run since it was last looked at, before its destroy`,
    {
      fix: "it is kept; run the command again, which looks at it anew",
    },
  );
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

  function isTooOld({ untilS }: Waiting): boolean {
    return clock.nowS() > untilS;
  }

  function stillTrue(entries: readonly Waiting[]): Waiting[] {
    for (const entry of entries.filter(isTooOld)) entry.done(tooOld(entry));
    return entries.filter((entry) => !isTooOld(entry));
  }

  async function oneByOne(entries: readonly Waiting[]): Promise<void> {
    for (const entry of entries) {
      const idInTurn = () => {
        if (isTooOld(entry)) throw tooOld(entry);
        return entry.id;
      };
      await transport.call(destroyInstance, idInTurn).catch((error: unknown) => {
        // One that cannot be destroyed keeps none of the others.
        if (!isVastError(error, "not-found")) entry.done(error);
      });
    }
  }

  async function inBulk(inTurn: () => readonly Waiting[]): Promise<void> {
    try {
      await transport.call(destroyInstances, () => inTurn().map(({ id }) => id));
    } catch (error) {
      // The bulk route is known from the official client only: where it does not exist, one call each does the same.
      if (!isVastError(error, "refused", "unexpected", "not-found")) throw error;
      bulkWorks = false;
      await oneByOne(inTurn());
    }
  }

  async function sendNext(): Promise<void> {
    let batch: Waiting[] = [];
    // Asked again by every retry, which may be late.
    const inTurn = () => {
      batch = stillTrue(batch.length === 0 ? waiting.splice(0, BULK_SIZE) : batch);
      // A call that names nobody must not leave: who knows what the service takes it for.
      if (batch.length === 0) throw new NobodyLeftError();
      return batch;
    };
    const alone = waiting.length === 1 && clock.elapsedS() - lastCallS > CALLS_APART_S;
    let failure: unknown;
    try {
      await (alone || !bulkWorks ? oneByOne(inTurn()) : inBulk(inTurn));
    } catch (error) {
      if (error instanceof NobodyLeftError) return;
      failure = error;
      // They fail with the call that never left.
      if (batch.length === 0) batch.push(...waiting.splice(0, BULK_SIZE));
    }
    lastCallS = clock.elapsedS();
    for (const entry of batch) entry.done(failure);
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      await gathered(
        clock,
        () => waiting.length + sweeper.asked(),
        CROWD,
        () => waiting.length >= BULK_SIZE,
      );
      await sendNext();
    }
    working = undefined;
  }

  async function assertGone(id: number): Promise<void> {
    const deadline = clock.elapsedS() + GONE_WITHIN_S;
    for (;;) {
      const sweep = await sweeper.since(clock.elapsedS(), "complete");
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
    destroy: async (id, lookedAtS, holdsS = NEVER_RAN_HOLDS_S) => {
      const untilS = lookedAtS === undefined ? Number.POSITIVE_INFINITY : lookedAtS + holdsS;
      await new Promise<void>((resolve, reject) => {
        waiting.push({ id, untilS, done: (error) => (error === undefined ? resolve() : reject(error)) });
        working ??= work();
      });
      // One listing after the last of them is proof for all.
      await working;
      sweeper.invalidate();
      await assertGone(id);
    },
  };
}
