import { setTimeout as wait } from "node:timers/promises";

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

export function systemClock(scale = 1): Clock {
  const startMs = performance.now();
  return {
    scale,
    nowS: () => Date.now() / 1000,
    elapsedS: () => ((performance.now() - startMs) / 1000) * scale,
    sleep: async (seconds, signal) => {
      if (seconds > 0) await wait((seconds * 1000) / scale, undefined, { signal });
    },
  };
}
