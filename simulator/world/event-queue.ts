export interface Scheduled {
  readonly at: number;
  readonly name: string;
  readonly run: () => void;
  readonly sequence: number;
  cancelled: boolean;
}

/** A binary heap by time; events of the same time run in the order they were scheduled. */
export class EventQueue {
  #heap: Scheduled[] = [];
  #sequence = 0;
  #cancelled = 0;

  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  push(at: number, name: string, run: () => void): Scheduled {
    if (!Number.isFinite(at)) throw new RangeError(`event ${name} has no finite time: ${at}`);
    this.#sequence += 1;
    const event = { at, name, run, sequence: this.#sequence, cancelled: false };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return event;
  }

  /** Cancelled events stay in the heap until they surface, or until they are the larger half of it. */
  remove(event: Scheduled): void {
    if (event.cancelled) return;
    event.cancelled = true;
    this.#cancelled += 1;
    if (this.#cancelled > 1000 && this.#cancelled > this.#heap.length / 2) this.#compact();
  }

  peek(): Scheduled | undefined {
    while (this.#heap[0]?.cancelled) {
      this.#takeFirst();
      this.#cancelled -= 1;
    }
    return this.#heap[0];
  }

  pop(): Scheduled | undefined {
    const first = this.peek();
    if (!first) return undefined;
    this.#takeFirst();
    // Whoever cancels it later must not be counted against the heap.
    first.cancelled = true;
    return first;
  }

  clear(): void {
    this.#heap = [];
    this.#cancelled = 0;
  }

  #compact(): void {
    this.#heap = this.#heap.filter((event) => !event.cancelled).sort((a, b) => (before(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #takeFirst(): void {
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
  }

  #rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #sink(start: number): void {
    let index = start;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let least = index;
      for (const child of [left, right]) {
        const candidate = this.#heap[child];
        if (candidate && before(candidate, this.#heap[least] as Scheduled)) least = child;
      }
      if (least === index || !this.#swapIfBefore(least, index)) return;
      index = least;
    }
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const a = this.#heap[lower] as Scheduled;
    const b = this.#heap[upper] as Scheduled;
    if (!before(a, b)) return false;
    this.#heap[lower] = b;
    this.#heap[upper] = a;
    return true;
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
