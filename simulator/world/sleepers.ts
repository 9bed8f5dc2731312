import type { World } from "./world.ts";

/** Real time without any call in flight after which the clients are taken to be asleep. */
const IDLE_MS = 15;

/**
 * Waits that cost nothing: a client that would sleep asks for it here. While somebody sleeps and no call is in flight,
 * the clock jumps from event to event until a sleeper's time has come; otherwise it runs at its own speed, so that the
 * work of clients counts.
 */
export class Sleepers {
  readonly #world: World;
  #asleep = 0;
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  async sleep(seconds: number): Promise<void> {
    this.#asleep += 1;
    this.#consider();
    try {
      await this.#world.clock.wait(seconds);
    } finally {
      this.#asleep -= 1;
    }
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await work();
    } finally {
      this.#inFlight -= 1;
      this.#consider();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asleep = 0;
  }

  #consider(): void {
    clearTimeout(this.#timer);
    if (this.#asleep === 0 || this.#inFlight > 0) return;
    this.#timer = setTimeout(() => void this.#skip(), IDLE_MS);
  }

  /** Ends as soon as a sleeper wakes: its client then has the word. */
  async #skip(): Promise<void> {
    const before = this.#asleep;
    while (this.#asleep === before && this.#asleep > 0 && this.#inFlight === 0) {
      if (!(await this.#world.clock.jump())) return;
      // The waking client's promise runs before the next look.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#consider();
  }
}
