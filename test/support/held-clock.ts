import type { Clock } from "../../provider/clock.ts";

export interface HeldClock extends Clock {
  /** Seconds of every sleep that was asked for, in order. */
  readonly slept: number[];
  advance(seconds: number): void;
}

/** A clock that only sleeping and tests move: a sleep ends at once, and its seconds have passed. */
export function heldClock(): HeldClock {
  let elapsedS = 0;
  const slept: number[] = [];
  return {
    scale: 1,
    slept,
    nowS: () => 1_800_000_000 + elapsedS,
    elapsedS: () => elapsedS,
    advance: (seconds) => {
      elapsedS += seconds;
    },
    sleep: async (seconds, signal) => {
      signal?.throwIfAborted();
      slept.push(seconds);
      elapsedS += Math.max(0, seconds);
    },
  };
}
