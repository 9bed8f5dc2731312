import { EventQueue, type Scheduled } from "./event-queue.ts";

/** What a paused or stepped clock reports about itself. */
export interface ClockStatus {
  now: number;
  speed: number;
  paused: boolean;
  pendingEvents: number;
  nextEventAt: number | null;
  /** Processes that a step would wait for now. */
  busyWith: string[];
}

/**
 * The only time the simulated world knows: epoch seconds that run `speed` times as fast as real ones, stand still, or
 * move by steps. State changes are events in a queue, so a step of a week runs exactly what a week of waiting would.
 */
export class VirtualClock {
  readonly #queue = new EventQueue();
  readonly #onError: (error: unknown, event: string) => void;
  #baseVirtual: number;
  #baseRealMs = performance.now();
  #speed: number;
  #paused = false;
  #eventTime: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #busy = new Map<symbol, string>();
  #quietWaiters: (() => void)[] = [];
  #stepping: Promise<void> = Promise.resolve();

  constructor(options: {
    startAt: number;
    speed: number;
    paused?: boolean;
    onError: (error: unknown, event: string) => void;
  }) {
    this.#baseVirtual = options.startAt;
    this.#speed = options.speed;
    this.#paused = options.paused ?? false;
    this.#onError = options.onError;
  }

  /** Virtual epoch seconds. Inside an event: exactly the time it was scheduled for. */
  now(): number {
    if (this.#eventTime !== null) return this.#eventTime;
    if (this.#paused) return this.#baseVirtual;
    return this.#baseVirtual + ((performance.now() - this.#baseRealMs) / 1000) * this.#speed;
  }

  get speed(): number {
    return this.#speed;
  }

  get paused(): boolean {
    return this.#paused;
  }

  status(): ClockStatus {
    return {
      now: this.now(),
      speed: this.#speed,
      paused: this.#paused,
      pendingEvents: this.#queue.size,
      nextEventAt: this.#queue.peek()?.at ?? null,
      busyWith: [...this.#busy.values()],
    };
  }

  at(time: number, name: string, run: () => void): Scheduled {
    const event = this.#queue.push(Math.max(time, this.now()), name, run);
    if (this.#queue.peek() === event) this.#arm();
    return event;
  }

  after(seconds: number, name: string, run: () => void): Scheduled {
    return this.at(this.now() + Math.max(0, seconds), name, run);
  }

  cancel(event: Scheduled | undefined): void {
    if (event) this.#queue.remove(event);
  }

  /** Runs every event that is due. Called before each request, so that no answer is older than its own time. */
  catchUp(): void {
    if (this.#paused || this.#eventTime !== null) return;
    for (;;) {
      const next = this.#queue.peek();
      if (!next || next.at > this.now()) break;
      this.#queue.pop();
      this.#runEvent(next);
    }
    this.#arm();
  }

  /** Waits in virtual time. For work outside a process, such as a delayed answer. */
  wait(seconds: number): Promise<void> {
    return new Promise((resolve) => this.after(seconds, "wait", resolve));
  }

  /**
   * Starts work that needs real input and output (copies). While such a process is at work, and not asleep on this
   * clock, a step does not move on: the same seed then gives the same order of events whatever the disk or network do.
   */
  spawn(name: string, work: (sleep: (seconds: number) => Promise<void>) => Promise<void>): void {
    const process = Symbol(name);
    this.#busy.set(process, name);
    const sleep = (seconds: number): Promise<void> => {
      const waking = new Promise<void>((resolve) => {
        this.after(seconds, name, () => {
          this.#busy.set(process, name);
          resolve();
        });
      });
      this.#becomeIdle(process);
      return waking;
    };
    // Work that throws at once must not count as busy for ever.
    const run = async (): Promise<void> => work(sleep);
    run()
      .catch((error: unknown) => this.#onError(error, name))
      .finally(() => this.#becomeIdle(process));
  }

  setSpeed(speed: number): void {
    if (!(speed > 0) || !Number.isFinite(speed)) throw new RangeError(`speed must be above 0, not ${speed}`);
    this.catchUp();
    this.#rebase();
    this.#speed = speed;
    this.#arm();
  }

  pause(): void {
    this.catchUp();
    this.#rebase();
    this.#paused = true;
    clearTimeout(this.#timer);
  }

  resume(): void {
    this.#rebase();
    this.#paused = false;
    this.#arm();
  }

  /** Moves time forward and runs everything on the way. A running clock goes on running afterwards. */
  step(seconds: number): Promise<void> {
    if (!(seconds >= 0) || !Number.isFinite(seconds)) throw new RangeError(`step must be 0 or more, not ${seconds}`);
    return this.#exclusive(() => this.#advanceTo(this.now() + seconds));
  }

  /** Moves time to the next event and runs it. Answers whether there was one. */
  async jump(): Promise<boolean> {
    let jumped = false;
    await this.#exclusive(async () => {
      const next = this.#queue.peek();
      if (!next) return;
      jumped = true;
      await this.#advanceTo(Math.max(next.at, this.now()));
    });
    return jumped;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queue.clear();
  }

  #exclusive(run: () => Promise<void>): Promise<void> {
    const turn = this.#stepping.then(run);
    this.#stepping = turn.catch(() => undefined);
    return turn;
  }

  async #advanceTo(target: number): Promise<void> {
    const wasPaused = this.#paused;
    this.pause();
    try {
      await this.#quiet();
      for (let next = this.#queue.peek(); next && next.at <= target; next = this.#queue.peek()) {
        this.#queue.pop();
        this.#baseVirtual = Math.max(this.#baseVirtual, next.at);
        this.#runEvent(next);
        await this.#quiet();
      }
      this.#baseVirtual = Math.max(this.#baseVirtual, target);
    } finally {
      if (!wasPaused) this.resume();
    }
  }

  #runEvent(event: Scheduled): void {
    this.#eventTime = event.at;
    try {
      event.run();
    } catch (error) {
      this.#onError(error, event.name);
    } finally {
      this.#eventTime = null;
    }
  }

  #quiet(): Promise<void> {
    // The resolved promise lets continuations of a process that was just woken run before its idleness is judged.
    return Promise.resolve().then(() =>
      this.#busy.size === 0 ? undefined : new Promise<void>((resolve) => this.#quietWaiters.push(resolve)),
    );
  }

  #becomeIdle(process: symbol): void {
    this.#busy.delete(process);
    if (this.#busy.size > 0) return;
    const waiters = this.#quietWaiters;
    this.#quietWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #rebase(): void {
    this.#baseVirtual = this.now();
    this.#baseRealMs = performance.now();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#paused || this.#closed) return;
    const next = this.#queue.peek();
    if (!next) return;
    const delayMs = Math.max(0, ((next.at - this.now()) / this.#speed) * 1000);
    this.#timer = setTimeout(() => this.catchUp(), Math.min(delayMs, 2 ** 31 - 1));
    this.#timer.unref();
  }
}
