import { isVastError, VastError } from "./errors.ts";
import { destroyInstance, destroyInstances } from "./instances.ts";
import type { Sweeper } from "./sweep.ts";
import type { Transport } from "./transport.ts";

/** Most ids the official client puts in one bulk call (vast-api.md 3.5 "Bulk"). */
const BULK_SIZE = 64;
/** Destroys asked for within this wall time go together: the engine starts those of one level at the same moment. */
const GATHER_MS = 150;
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

/** Concurrent destroys become bulk calls of up to 64 ids, three seconds apart, instead of one call each. */
export function createDestroyer(transport: Transport, sweeper: Sweeper): Destroyer {
  const waiting: Waiting[] = [];
  let _timer: NodeJS.Timeout | undefined;
  let bulkWorks = true;

  async function send(ids: number[]): Promise<void> {
    if (ids.length > 1 && bulkWorks) {
      try {
        await transport.call(destroyInstances, ids);
        return;
      } catch (error) {
        // The bulk route is known from the official client only: where it does not exist, one call each does the same.
        if (!isVastError(error, "refused", "unexpected", "not-found")) throw error;
        bulkWorks = false;
      }
    }
    for (const id of ids) {
      await transport.call(destroyInstance, id).catch((error: unknown) => {
        if (!isVastError(error, "not-found")) throw error;
      });
    }
  }

  async function flush(): Promise<void> {
    _timer = undefined;
    const batch = waiting.splice(0, BULK_SIZE);
    if (waiting.length > 0) _timer = setTimeout(() => void flush(), 0);
    try {
      await send(batch.map((entry) => entry.id));
      for (const entry of batch) entry.done();
    } catch (error) {
      for (const entry of batch) entry.done(error);
    }
  }

  async function assertGone(id: number): Promise<void> {
    const { clock } = transport;
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
        _timer ??= setTimeout(() => void flush(), GATHER_MS);
      });
      sweeper.invalidate();
      await assertGone(id);
    },
  };
}
