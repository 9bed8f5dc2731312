import type { Transport } from "../../provider/api/transport.ts";

/** Something that happens to a process at its n-th call, before it is sent or after its answer has come. */
export interface Twist {
  call: number;
  when: "before" | "after";
  happen: () => Promise<void>;
}

/** One provider process: it can lose its engine, or die at any call without a word. */
export class Life {
  readonly died: Promise<void>;
  readonly #die: () => void;
  readonly #twists: Twist[] = [];
  dead = false;
  /** The engine that asked for the work; a process outlives it for a little while. */
  engineAlive = true;
  readonly engineGone: Promise<void>;
  readonly #leave: () => void;
  calls = 0;
  /** Calls that an orphan still makes before it notices. */
  #callsLeft = Number.POSITIVE_INFINITY;

  constructor() {
    const death = Promise.withResolvers<void>();
    const leaving = Promise.withResolvers<void>();
    this.died = death.promise;
    this.#die = death.resolve;
    this.engineGone = leaving.promise;
    this.#leave = leaving.resolve;
  }

  plan(twist: Twist): void {
    this.#twists.push(twist);
  }

  kill(): void {
    this.dead = true;
    this.#die();
  }

  orphan(callsLeft: number): void {
    this.engineAlive = false;
    this.#callsLeft = callsLeft;
    this.#leave();
  }

  /** Passes the moments of one call; never returns to a process that is dead by then. */
  async around<T>(call: () => Promise<T>): Promise<T> {
    await this.#survive(() => this.#twist(++this.calls, "before"));
    const nth = this.calls;
    if (this.#callsLeft-- <= 0) this.kill();
    await this.#survive(async () => undefined);
    try {
      return await call();
    } finally {
      await this.#survive(() => this.#twist(nth, "after"));
    }
  }

  async #twist(call: number, when: Twist["when"]): Promise<void> {
    for (const twist of this.#twists) if (twist.call === call && twist.when === when) await twist.happen();
  }

  async #survive(moment: () => Promise<void>): Promise<void> {
    if (!this.dead) await moment();
    if (this.dead) await new Promise(() => undefined);
  }
}

/** A transport whose calls are the moments at which its process may die. */
export function mortal(transport: Transport, life: Life): Transport {
  return {
    ...transport,
    call: (endpoint, ...args) => life.around(() => transport.call(endpoint, ...args)),
    fetchResult: (url) => life.around(() => transport.fetchResult(url)),
  };
}
