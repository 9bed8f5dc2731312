import { expect, test } from "vitest";
import { whenFree } from "../../../operator/change/when-free.ts";
import { StackBusyError } from "../../../operator/stack/errors.ts";

const busy = () => new StackBusyError("dev", new Error("the stack is currently locked by 1 lock(s)"));

/** Fails with these, one after the other, then succeeds. */
function failing(errors: Error[]) {
  const said: string[] = [];
  const waits: number[] = [];
  const controller = new AbortController();
  const clock = {
    wait: async (seconds: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      waits.push(seconds);
    },
  };
  const run = async () => {
    const error = errors.shift();
    if (error) throw error;
    return "done";
  };
  const session = { clock, log: (line: string) => said.push(line) } as unknown as Parameters<typeof whenFree>[0];
  return { said, waits, controller, go: () => whenFree(session, controller.signal, run) };
}

test("an update that finds the stack held is made once it is free, and says once what it waits for", async () => {
  const { go, said, waits } = failing([busy(), busy(), busy()]);
  await expect(go()).resolves.toBe("done");
  expect(waits).toHaveLength(3);
  expect(said).toEqual([
    expect.stringMatching(/^Waiting: another update of stack dev is under way[\s\S]*pulumi cancel/),
  ]);
});

test("any other failure is no reason to wait", async () => {
  const { go, waits } = failing([new Error("a policy refused"), busy()]);
  await expect(go()).rejects.toThrow("a policy refused");
  expect(waits).toEqual([]);
});

test("nobody waits on who was told to end", async () => {
  const { go, controller } = failing([busy()]);
  controller.abort(new Error("interrupted"));
  await expect(go()).rejects.toThrow("interrupted");
});
