import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";

/**
 * The time that money and rate limits run on. Seconds are those of the service: against a simulator that runs
 * faster than life, one wall second is `scale` of them. Tests hold their own clock.
 */
export interface Clock {
  /** Epoch seconds of the wall, for records and file names. */
  nowS(): number;
  /** Seconds of the service since this clock was made; only differences mean something. */
  elapsedS(): number;
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
  readonly scale: number;
}

/** Timers are late by a millisecond or two, so shorter waits than this are kept by looking at the clock. */
const SHORT_MS = 2;
/** `Date.now()` has no fractions; further from it than this the steady clock was left behind (suspend, a clock set anew). */
const STEP_MS = 20;

export function systemClock(scale = 1): Clock {
  const startMs = performance.now();
  let originMs = performance.timeOrigin;
  return {
    scale,
    nowS: () => {
      const behindMs = Date.now() - (originMs + performance.now());
      if (Math.abs(behindMs) > STEP_MS) originMs += behindMs;
      return (originMs + performance.now()) / 1000;
    },
    elapsedS: () => ((performance.now() - startMs) / 1000) * scale,
    sleep: async (seconds, signal) => {
      const ms = (seconds * 1000) / scale;
      const endMs = performance.now() + ms;
      if (ms > SHORT_MS) await wait(ms, undefined, { signal });
      else while (performance.now() < endMs) await nextTurn(undefined, { signal });
    },
  };
}
