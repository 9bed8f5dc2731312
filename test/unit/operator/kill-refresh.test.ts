import { expect, test } from "vitest";
import { type Killed, sumOf } from "../../../operator/kill/destroy.ts";
import { refreshOnceFree } from "../../../operator/kill/refresh.ts";
import { StackBusyError } from "../../../operator/stack/errors.ts";

const busy = () => new StackBusyError("dev", new Error("the stack is currently locked by 1 lock(s)"));
const killed = (destroyed: number[], left: number[] = []): Killed => ({
  ...{ destroyed, labels: destroyed.map((id) => `worker-${id}`), left },
  ...{ seconds: 2, errors: left.map((id) => `contract ${id} is kept`) },
});

/** A stack that other updates hold for so many refreshes; `come` is what each look finds and destroys. */
function held(times: number, come: Killed[], failure?: Error) {
  const said: string[] = [];
  let waitedS = 0;
  let refreshes = 0;
  const session = {
    stack: {
      refresh: async () => {
        refreshes += 1;
        if (refreshes <= times) throw busy();
        if (failure) throw failure;
      },
    },
    clock: {
      wait: async (seconds: number) => {
        waitedS += seconds;
      },
    },
    signal: new AbortController().signal,
    log: (line: string) => said.push(line),
  } as unknown as Parameters<typeof refreshOnceFree>[0];
  const go = () => refreshOnceFree(session, async () => come.shift() ?? killed([]));
  return { go, said, waitedS: () => waitedS };
}

test("what an update rents that was under way before the kill is destroyed until it lets go of the stack", async () => {
  const { go, said } = held(14, [killed([7]), ...Array.from({ length: 10 }, () => killed([])), killed([8, 9])]);
  const { more, problem } = await go();
  expect(problem).toBeUndefined();
  expect(sumOf([killed([1]), ...more])).toMatchObject({ destroyed: [1, 7, 8, 9], left: [] });
  expect(said.filter((line) => line.includes("holds the stack"))).toHaveLength(1);
  expect(said).toContain("2 more destroyed, 0 left.");
});

test("an update that rents nothing for a minute, as one that was killed, is not waited for, and said", async () => {
  const { go, waitedS } = held(Number.POSITIVE_INFINITY, [killed([7])]);
  const { more, problem } = await go();
  expect(problem).toMatch(/the state still has them .*another update of stack dev is under way/s);
  expect(waitedS()).toBe(65);
  expect(sumOf(more).destroyed).toEqual([7]);
});

test("a refresh that fails for another reason ends it at once", async () => {
  const { go, waitedS } = held(0, [], new Error("the account's key was revoked"));
  expect(await go()).toEqual({ more: [], problem: expect.stringContaining("the account's key was revoked") });
  expect(waitedS()).toBe(0);
});

test("what is left by the last look counts as left, whatever was thought of it before", () => {
  const sum = sumOf([killed([1, 2]), killed([3], [2])]);
  expect(sum).toMatchObject({ destroyed: [1, 3], left: [2], seconds: 4, errors: ["contract 2 is kept"] });
});
