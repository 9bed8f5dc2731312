import { expect, test } from "vitest";
import type { Session } from "../../../operator/session.ts";
import { StackBusyError } from "../../../operator/stack/errors.ts";
import { stackFleet } from "../../../operator/watch/stack-fleet.ts";

const FLEET = "trainer";
const urnOf = (number: number) =>
  `urn:pulumi:dev::p::vast:index:Fleet$pulumi-nodejs:dynamic/vast:Instance::${FLEET}-worker-${number}`;

interface Holding {
  /** Workers that the state knows. */
  workers: number[];
  /** Contracts of the fleet that no state knows. */
  lost?: number[];
}

/** A stack that another update holds for so many tries, and leaves as `after` says. */
function stackThatIs(before: Holding, busyTries: number, after: Holding) {
  let now = before;
  let tries = 0;
  const destroyed: string[][] = [];
  let refreshes = 0;
  const underLock = () => {
    tries += 1;
    // Whoever held the stack is done: before the next look, or, where nobody holds it any more, since the last one.
    if (tries === Math.max(1, busyTries)) now = after;
    if (tries <= busyTries) throw new StackBusyError("dev", new Error("the stack is currently locked by 1 lock(s)"));
  };
  const stack = {
    name: "dev",
    project: "p",
    fleets: { change: async () => async () => undefined },
    destroy: async ({ targets }: { targets: string[] }) => {
      underLock();
      destroyed.push(targets);
      now = { ...now, workers: now.workers.filter((number) => !targets.includes(urnOf(number))) };
    },
    refresh: async () => {
      underLock();
      refreshes += 1;
    },
  };
  const session = {
    ...{ stack, context: {}, signal: new AbortController().signal, log: () => undefined },
    clock: { wait: async () => undefined },
    fleets: async () => ({
      fleets: [
        {
          name: FLEET,
          config: { worker: "worker", workers: 0, absent: [] },
          workers: now.workers.map((number) => ({ urn: urnOf(number), name: `${FLEET}-worker-${number}` })),
        },
      ],
      known: { recorded: [] },
      findings: { orphans: (now.lost ?? []).map((id) => ({ row: { id, label: `${FLEET}-worker-9` } })) },
    }),
  } as unknown as Session;
  const tearDown = () => stackFleet(session, FLEET).tearDown(new AbortController().signal);
  return { tearDown, destroyed, refreshes: () => refreshes };
}

test("a teardown that waited for an update destroys what that update has rented too", async () => {
  const { tearDown, destroyed } = stackThatIs({ workers: [0] }, 2, { workers: [0, 1, 2] });
  expect(await tearDown()).toBeUndefined();
  expect(new Set(destroyed.flat())).toEqual(new Set([0, 1, 2].map(urnOf)));
});

test("what another update has rented since the look is destroyed as well", async () => {
  const { tearDown, destroyed } = stackThatIs({ workers: [0] }, 0, { workers: [0, 1, 2] });
  expect(await tearDown()).toBeUndefined();
  expect(destroyed).toEqual([[urnOf(0)], [1, 2].map(urnOf)]);
});

test("nothing in the state is no proof while an update holds the stack", async () => {
  const { tearDown, destroyed } = stackThatIs({ workers: [] }, 2, { workers: [0] });
  expect(await tearDown()).toBeUndefined();
  expect(destroyed.flat()).toEqual([urnOf(0)]);
});

test("a fleet that is down already is found to be, under the stack's lock", async () => {
  const { tearDown, destroyed, refreshes } = stackThatIs({ workers: [] }, 0, { workers: [] });
  expect(await tearDown()).toBeUndefined();
  expect(destroyed).toEqual([]);
  expect(refreshes()).toBe(1);
});

test("a contract that no state knows bills on, and is said", async () => {
  const { tearDown } = stackThatIs({ workers: [0] }, 0, { workers: [0], lost: [36700009] });
  expect(await tearDown()).toMatch(/contract 36700009 of fleet trainer bills and is in no state; .*reconcile/);
});
