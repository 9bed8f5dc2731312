/** Texts behind a result_url: readable by whoever has the address, and only once the host has uploaded them. */
export class ResultStore {
  readonly #texts = new Map<string, { readyAt: number; text: string }>();

  put(name: string, readyAt: number, text: string): void {
    this.#texts.set(name, { readyAt, text });
    if (this.#texts.size > 2000) {
      const oldest = this.#texts.keys().next().value;
      if (oldest !== undefined) this.#texts.delete(oldest);
    }
  }

  get(name: string, now: number): string | undefined {
    const stored = this.#texts.get(name);
    return stored && stored.readyAt <= now ? stored.text : undefined;
  }
}
