import { expect, test } from "vitest";
import { operatorClock } from "../../../operator/clock.ts";
import { heldClock } from "../../support/held-clock.ts";
import { instanceRow } from "../../support/rows.ts";

test("after a wait that a jumping clock has cut short, the time has passed all the same", async () => {
  const jumps: number[] = [];
  const clock = operatorClock(heldClock(), async (seconds) => void jumps.push(seconds));
  const startS = clock.nowS();
  await clock.waitUntil(startS + 600);
  expect(jumps).toEqual([600]);
  expect(clock.nowS()).toBe(startS + 600);
});

test("work between two waits counts, and a time that has passed is not waited for", async () => {
  const held = heldClock();
  const clock = operatorClock(held);
  const startS = clock.nowS();
  held.advance(90);
  await clock.waitUntil(startS + 60);
  expect(held.slept).toEqual([]);
  await clock.waitUntil(startS + 100);
  expect(held.slept).toEqual([10]);
});

test("times are those of the service, as its rows tell them", () => {
  const clock = operatorClock(heldClock());
  clock.observe(instanceRow({ end_date: 2_000_000_000, duration: 3600 }));
  expect(clock.nowS()).toBe(2_000_000_000 - 3600);
});

test("an interrupted wait ends at once", async () => {
  const controller = new AbortController();
  const clock = operatorClock(heldClock(), () => new Promise(() => {}));
  const waiting = clock.wait(3600, controller.signal);
  controller.abort(new Error("Ctrl-C"));
  await expect(waiting).rejects.toThrow("Ctrl-C");
});
