import type { Clock } from "../../provider/clock.ts";
import type { Life } from "./life.ts";

/** How the simulator's clock is moved: both answer its new time, epoch seconds. */
export interface TimeMachine {
  step(seconds: number): Promise<number>;
  /** Seconds until an answer comes that the world holds back; undefined when it holds none. */
  heldBackFor(): Promise<number | undefined>;
}

interface Sleeper {
  atS: number;
  life: Life;
  wake: () => void;
}

/** Wall time without any move after which those who are not asleep are taken to wait for those who are. */
const LOOK_EVERY_MS = 25;
/** So many looks without a move, and nobody asleep: they wait for the world itself. */
const HELD_BACK_AFTER = 5;

/**
 * Virtual time without waiting: once everybody who works is asleep, the simulator's clock steps to the first one's time.
 * The same handlers then see the same times in every run of a seed, whatever the machine does meanwhile.
 */
export class SteppedClock {
  readonly #machine: TimeMachine;
  #nowS: number;
  #sleepers: Sleeper[] = [];
  readonly #working = new Map<Life, number>();
  #moving = false;
  #moves = 0;
  #closed = false;
  #looks = 0;
  readonly #startS: number;
  readonly #watch: NodeJS.Timeout;

  constructor(startS: number, machine: TimeMachine) {
    this.#nowS = startS;
    this.#startS = startS;
    this.#machine = machine;
    let [seen, still] = [0, 0];
    this.#watch = setInterval(() => {
      still = this.#moves === seen && !this.#moving && this.#workers() > 0 ? still + 1 : 0;
      seen = this.#moves;
      if (still > 0 && this.#sleepers.length > 0) void this.#move(() => this.#toNextSleeper());
      else if (still > HELD_BACK_AFTER) void this.#move(() => this.#toAnswer());
    }, LOOK_EVERY_MS);
  }

  get nowS(): number {
    return this.#nowS;
  }

  /** The clock of one provider process: once that is dead, its sleeps never end. */
  of(life: Life): Clock {
    return {
      scale: 1,
      nowS: () => this.#nowS,
      elapsedS: () => this.#elapsedS(),
      sleep: (seconds) =>
        new Promise((wake) => {
          if (life.dead) return;
          this.#sleepers.push({ atS: this.#nowS + Math.max(0, seconds), life, wake });
          this.#consider();
        }),
    };
  }

  /** Work that time waits for. */
  async during<T>(life: Life, work: () => Promise<T>): Promise<T> {
    this.#count(life, 1);
    try {
      return await work();
    } finally {
      this.#count(life, -1);
      this.#consider();
    }
  }

  /**
   * Lets time pass while nobody works: a call that the orphan of a killed engine has sent arrives first. No network holds
   * one back for an hour.
   */
  async pass(seconds: number): Promise<void> {
    for (let looks = 0; looks < HELD_BACK_AFTER && this.#sleepers.length < this.#workers(); looks += 1)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    while (this.#moving) await new Promise((resolve) => setImmediate(resolve));
    await this.#move(() => this.#machine.step(seconds));
  }

  /** What a killed process was at will never end. */
  bury(life: Life): void {
    this.#working.delete(life);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.life !== life);
    this.#consider();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#sleepers = [];
  }

  /** No two looks at a real clock show the same time, and what is before and after a call is told by it. */
  #elapsedS(): number {
    this.#looks += 1;
    return this.#nowS - this.#startS + this.#looks * 1e-6;
  }

  #count(life: Life, change: number): void {
    if (!life.dead) this.#working.set(life, (this.#working.get(life) ?? 0) + change);
  }

  #workers(): number {
    return [...this.#working.values()].reduce((sum, count) => sum + count, 0);
  }

  #consider(): void {
    if (this.#moving || this.#sleepers.length === 0 || this.#sleepers.length < this.#workers()) return;
    void this.#move(() => this.#toNextSleeper());
  }

  #toNextSleeper(): Promise<number> {
    const firstS = Math.min(...this.#sleepers.map((sleeper) => sleeper.atS));
    return this.#machine.step(Math.max(0, firstS - this.#nowS));
  }

  async #toAnswer(): Promise<number> {
    const seconds = await this.#machine.heldBackFor();
    return seconds === undefined ? this.#nowS : this.#machine.step(seconds);
  }

  async #move(move: () => Promise<number>): Promise<void> {
    this.#moving = true;
    this.#moves += 1;
    try {
      this.#nowS = await move();
    } catch (error) {
      if (!this.#closed) throw error;
      return;
    }
    this.#moving = false;
    // A step that is a rounding short of the sleeper's time must not be repeated for ever.
    const due = this.#sleepers.filter((sleeper) => sleeper.atS <= this.#nowS + 1e-3);
    this.#sleepers = this.#sleepers.filter((sleeper) => !due.includes(sleeper));
    for (const sleeper of due) sleeper.wake();
    this.#consider();
  }
}
