import { describe, expect, test, vi } from "vitest";
import { createDestroyer } from "../../../provider/api/destroyer.ts";
import { VastError } from "../../../provider/api/errors.ts";
import type { Sweeper } from "../../../provider/api/sweep.ts";
import type { Endpoint, Transport } from "../../../provider/api/transport.ts";
import { heldClock } from "../../support/held-clock.ts";

interface Call {
  route: string;
  /** The call's turn has come: it leaves with what it has by then. */
  leave(): unknown;
  answer(error?: Error): void;
}

/** A destroyer whose calls wait for the test: for their turn, and for their answer. */
function destroying() {
  const calls: Call[] = [];
  const clock = heldClock();
  const transport = {
    clock,
    call: (endpoint: Endpoint<unknown[], unknown>, ...args: unknown[]) =>
      new Promise<unknown>((resolve, reject) => {
        calls.push({
          route: `${endpoint.method} ${endpoint.route}`,
          leave: () => {
            endpoint.path(...args);
            return endpoint.body?.(...args);
          },
          answer: (error) => (error === undefined ? resolve({}) : reject(error)),
        });
      }),
  } as unknown as Transport;
  const sweeper = {
    since: async () => ({ startedAtS: 0, rows: new Map() }),
    invalidate: () => {},
    asked: () => 0,
  } as unknown as Sweeper;
  const call = async (number: number): Promise<Call> => {
    await vi.waitUntil(() => calls.length > number, { timeout: 10_000 });
    return calls[number] as Call;
  };
  return { destroyer: createDestroyer(transport, sweeper), calls, call, clock };
}

const MANY = "DELETE /api/v0/instances/";
const ONE = "DELETE /api/v0/instances/{id}/";

describe("destroys that come one after the other", () => {
  test("go with the next call: those during a call, and those while it waits for its turn", async () => {
    const { destroyer, calls, call } = destroying();
    const first = [destroyer.destroy(1), destroyer.destroy(2)];
    const bulk = await call(0);
    expect(bulk).toMatchObject({ route: MANY });
    expect(bulk.leave()).toEqual({ instance_ids: [1, 2] });
    const during = [destroyer.destroy(3), destroyer.destroy(4)];
    bulk.answer();

    const next = await call(1);
    const waiting = destroyer.destroy(5);
    expect(next.leave()).toEqual({ instance_ids: [3, 4, 5] });
    // Sent again after a lost answer: the same ones.
    const late = destroyer.destroy(6);
    expect(next.leave()).toEqual({ instance_ids: [3, 4, 5] });
    next.answer();

    const last = await call(2);
    expect(last.route).toBe(MANY);
    expect(last.leave()).toEqual({ instance_ids: [6] });
    last.answer();
    await Promise.all([...first, ...during, waiting, late]);
    expect(calls).toHaveLength(3);
  });

  test("are sent one by one where there is no bulk call", async () => {
    const { destroyer, calls, call } = destroying();
    const both = [destroyer.destroy(1), destroyer.destroy(2)];
    (await call(0)).answer(new VastError("refused", "no such thing"));
    for (const number of [1, 2]) {
      expect(await call(number)).toMatchObject({ route: ONE });
      calls[number]?.answer();
    }
    await Promise.all(both);
  });

  test("fail together with the call that never left, and the next ones go on", async () => {
    const { destroyer, call } = destroying();
    const both = Promise.allSettled([destroyer.destroy(1), destroyer.destroy(2)]);
    (await call(0)).answer(new VastError("unreachable", "no network"));
    expect(await both).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
    const third = destroyer.destroy(3);
    const next = await call(1);
    expect(next.leave()).toEqual({ instance_ids: [3] });
    next.answer();
    await third;
  });
});

describe("without the bulk call", () => {
  test("one that cannot be destroyed keeps none of the others, and fails alone", async () => {
    const { destroyer, call } = destroying();
    const all = Promise.allSettled([destroyer.destroy(1), destroyer.destroy(2), destroyer.destroy(3)]);
    (await call(0)).answer(new VastError("not-found", "no such route"));
    const answers = [undefined, new VastError("refused", "contract 2 is held"), undefined];
    for (const [at, answer] of answers.entries()) {
      const single = await call(at + 1);
      expect(single.route).toBe(ONE);
      single.answer(answer);
    }
    expect(await all).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { message: "contract 2 is held" } },
      { status: "fulfilled" },
    ]);
  });
});

describe("a destroy that rests on a look", () => {
  test("leaves for as long as the look is said to hold", async () => {
    const { destroyer, call, clock } = destroying();
    const copied = destroyer.destroy(1, clock.nowS(), 120);
    const single = await call(0);
    clock.advance(100);
    expect(() => single.leave()).not.toThrow();
    clock.advance(100);
    expect(() => single.leave()).toThrow(/contract 1 may have come to run since/);
    single.answer();
    await copied;
  });

  test("does not leave when the look is too old by then, and the others of its call do", async () => {
    const { destroyer, call, clock } = destroying();
    const unused = destroyer.destroy(1, clock.nowS());
    const copied = destroyer.destroy(2);
    const bulk = await call(0);
    clock.advance(3600);
    expect(bulk.leave()).toEqual({ instance_ids: [2] });
    await expect(unused).rejects.toThrow(/contract 1 may have come to run since/);
    bulk.answer();
    await copied;
  });

  test("does not leave in a call of its own either", async () => {
    const { destroyer, call, clock } = destroying();
    const unused = destroyer.destroy(1, clock.nowS());
    const single = await call(0);
    expect(single.route).toBe(ONE);
    clock.advance(3600);
    expect(() => single.leave()).toThrow(/contract 1 may have come to run since/);
    single.answer(new VastError("blocked", "as the call was told"));
    await expect(unused).rejects.toThrow("as the call was told");
  });

  test("does not leave with a late retry of its call either", async () => {
    const { destroyer, call, clock } = destroying();
    const unused = destroyer.destroy(1, clock.nowS());
    const copied = destroyer.destroy(2);
    const bulk = await call(0);
    expect(bulk.leave()).toEqual({ instance_ids: [1, 2] });
    clock.advance(3600);
    expect(bulk.leave()).toEqual({ instance_ids: [2] });
    await expect(unused).rejects.toThrow(/contract 1 may have come to run since/);
    bulk.answer();
    await copied;
  });

  test("leaves no call behind that names nobody", async () => {
    const { destroyer, call, clock } = destroying();
    const both = Promise.allSettled([destroyer.destroy(1, clock.nowS()), destroyer.destroy(2, clock.nowS())]);
    const bulk = await call(0);
    clock.advance(3600);
    expect(() => bulk.leave()).toThrow();
    expect(await both).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
  });
});
