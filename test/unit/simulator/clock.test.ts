import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { VirtualClock } from "../../../simulator/world/clock.ts";

function clock(): VirtualClock {
  return new VirtualClock({
    startAt: 1000,
    speed: 1,
    paused: true,
    onError: (error) => {
      throw error;
    },
  });
}

test("events run in order of time, those of one time in the order they were set, each at its own time", async () => {
  const time = clock();
  const seen: string[] = [];
  const note = (name: string) => () => seen.push(`${name}@${time.now()}`);
  time.at(1030, "c", note("c"));
  time.at(1010, "a", note("a"));
  time.at(1010, "b", note("b"));
  const cancelled = time.at(1020, "x", note("x"));
  time.cancel(cancelled);
  await time.step(25);
  expect(seen).toEqual(["a@1010", "b@1010"]);
  expect(time.now()).toBe(1025);
  await time.step(5);
  expect(seen.at(-1)).toBe("c@1030");
});

test("a step waits for processes at work, and time goes on while they sleep", async () => {
  const time = clock();
  const seen: string[] = [];
  time.spawn("worker", async (sleep) => {
    await sleep(10);
    await turn();
    seen.push(`woke@${time.now()}`);
    await sleep(10);
    seen.push(`done@${time.now()}`);
  });
  time.at(1015, "event", () => seen.push(`event@${time.now()}`));
  await time.step(30);
  expect(seen).toEqual(["woke@1010", "event@1015", "done@1020"]);
});

test("a jump goes to the next event and no further", async () => {
  const time = clock();
  expect(await time.jump()).toBe(false);
  time.at(5000, "far", () => undefined);
  time.at(1001, "near", () => undefined);
  expect(await time.jump()).toBe(true);
  expect(time.now()).toBe(1001);
});

test("many cancelled events do not pile up", () => {
  const time = clock();
  for (let index = 0; index < 50_000; index += 1) time.cancel(time.at(2000 + index, "x", () => undefined));
  expect(time.status().pendingEvents).toBe(0);
});

test("a process that fails, even at once, does not hold later steps up", async () => {
  const failures: string[] = [];
  const time = new VirtualClock({
    startAt: 0,
    speed: 1,
    paused: true,
    onError: (error) => failures.push(String(error)),
  });
  time.spawn("throws", () => {
    throw new Error("at once");
  });
  time.spawn("rejects", async (sleep) => {
    await sleep(1);
    throw new Error("later");
  });
  await time.step(5);
  expect(failures).toEqual(["Error: at once", "Error: later"]);
  expect(time.status().busyWith).toEqual([]);
});
