const BEAT_MS = 5;
/** Lateness of a timer that every machine has. */
const USUAL_MS = 1;
/** A call takes less than this from the client to its handler, this process's stalls on the way included. */
const WINDOW_MS = 250;

/**
 * For how long this process did not get to its sockets, measured with a timer of its own: what came in meanwhile, and
 * what a client in the same process wanted to send, is that much older than it looks.
 */
export class Stalls {
  #stalls: { endedMs: number; lengthMs: number }[] = [];
  #lastBeatMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#timer.unref();
  }

  /** Milliseconds of the last quarter of a second that were lost to stalls. */
  recentMs(nowMs = performance.now()): number {
    const ended = this.#stalls
      .filter(({ endedMs }) => endedMs > nowMs - WINDOW_MS)
      .reduce((sum, { lengthMs }) => sum + lengthMs, 0);
    return Math.min(WINDOW_MS, ended + this.#lateness(nowMs));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const nowMs = performance.now();
    const lengthMs = this.#lateness(nowMs);
    this.#lastBeatMs = nowMs;
    if (lengthMs === 0) return;
    this.#stalls = this.#stalls.filter(({ endedMs }) => endedMs > nowMs - WINDOW_MS);
    this.#stalls.push({ endedMs: nowMs, lengthMs });
  }

  #lateness(nowMs: number): number {
    return Math.max(0, nowMs - this.#lastBeatMs - BEAT_MS - USUAL_MS);
  }
}
