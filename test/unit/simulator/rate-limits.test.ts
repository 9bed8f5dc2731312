import { expect, test } from "vitest";
import { Stalls } from "../../../simulator/http/stalls.ts";
import { RateLimiter } from "../../../simulator/world/rate-limits.ts";

const LIMIT = { minIntervalS: 1 };

function limiter(restartOnReject = false) {
  const limits = new RateLimiter(restartOnReject);
  const arrives = (latest: number, { stalledS = 0, toleranceS = 0 } = {}): boolean =>
    limits.check("GET /list/", "key", LIMIT, { earliest: latest - stalledS, latest }, toleranceS).allowed;
  return arrives;
}

test("a client that keeps the interval is never refused, however its calls travel within the tolerance", () => {
  const arrives = limiter();
  const travel = [0, 0.2, 0, 0.1, 0.2, 0, 0.15, 0];
  expect(travel.map((delay, call) => arrives(call + delay, { toleranceS: 0.2 }))).not.toContain(false);
});

test("a client that is a little too fast each time is found out, though each call alone is within the tolerance", () => {
  const arrives = limiter();
  const calls = Array.from({ length: 10 }, (_, call) => arrives(call * 0.9, { toleranceS: 0.2 }));
  expect(calls.slice(0, 3)).toEqual([true, true, true]);
  expect(calls.filter((allowed) => !allowed)).not.toEqual([]);
});

test("a call that was seen late since the simulator was stalled does not make the next one early", () => {
  const arrives = limiter();
  expect(arrives(10.7, { stalledS: 0.7 })).toBe(true);
  expect(arrives(11)).toBe(true);
  expect(arrives(11.7)).toBe(false);
});

test("calls that piled up in a stall are all let in, and no more than had time to come", () => {
  const arrives = limiter();
  const stalledS = 3.5;
  expect([13.5, 13.5, 13.5, 13.5, 13.5].map((at) => arrives(at, { stalledS }))).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
});

test("a refused call restarts the interval only if that was chosen", () => {
  const [kept, restarted] = [limiter(false), limiter(true)];
  for (const arrives of [kept, restarted]) expect([arrives(0), arrives(0.9)]).toEqual([true, false]);
  expect(kept(1)).toBe(true);
  expect(restarted(1)).toBe(false);
  expect(restarted(2)).toBe(true);
});

test("a stall of this process is noticed while it lasts and after it", async () => {
  const stalls = new Stalls();
  try {
    const end = performance.now() + 60;
    while (performance.now() < end);
    expect(stalls.recentMs()).toBeGreaterThan(50);
    await new Promise((resolve) => setImmediate(resolve));
    expect(stalls.recentMs()).toBeGreaterThan(50);
  } finally {
    stalls.close();
  }
});
