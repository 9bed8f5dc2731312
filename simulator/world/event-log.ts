export interface WorldEvent {
  sequence: number;
  at: number;
  kind: string;
  [detail: string]: unknown;
}

/** What happened in the world, oldest first; the oldest are dropped beyond the limit, so that memory stays bounded. */
export class EventLog<T extends { at: number }> {
  #items: T[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#items.length > this.#limit * 1.25) this.#items = this.#items.slice(-this.#limit);
  }

  since(at: number): T[] {
    return this.#items.filter((item) => item.at >= at);
  }

  get size(): number {
    return this.#items.length;
  }

  clear(): void {
    this.#items = [];
  }
}
