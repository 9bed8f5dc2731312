import { expect, test } from "vitest";
import { gathered } from "../../../provider/api/gather.ts";
import { heldClock } from "../../support/held-clock.ts";

const WAIT = { quietS: 0.3, longestS: 3 };

/** How many have come at a time, given when each does. */
function crowd(arrivals: readonly number[]) {
  const clock = heldClock();
  return { clock, come: () => arrivals.filter((at) => at <= clock.elapsedS()).length };
}

test("who is alone waits for the quiet time only", async () => {
  const { clock, come } = crowd([0]);
  await gathered(clock, come, WAIT);
  expect(clock.elapsedS()).toBeCloseTo(0.3);
});

test("a crowd is complete when nobody has come for the quiet time", async () => {
  const { clock, come } = crowd([0, 0.2, 0.4, 0.6]);
  await gathered(clock, come, WAIT);
  expect(come()).toBe(4);
  expect(clock.elapsedS()).toBeCloseTo(0.9);
});

test("a crowd without an end does not keep anybody longer than the longest time", async () => {
  const { clock, come } = crowd(Array.from({ length: 100 }, (_, n) => n / 10));
  await gathered(clock, come, WAIT);
  expect(clock.elapsedS()).toBeCloseTo(3);
});

test("a crowd that is full leaves at once", async () => {
  const { clock, come } = crowd(Array.from({ length: 100 }, (_, n) => n / 10));
  await gathered(clock, come, WAIT, () => come() >= 10);
  expect(come()).toBeGreaterThanOrEqual(10);
  expect(clock.elapsedS()).toBeLessThan(1.1);
});
