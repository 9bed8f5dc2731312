/** One concern's own sequence: drawing more in one concern never shifts another. */
export interface RandomStream {
  /** 0 ≤ x < 1 */
  next(): number;
  between(low: number, high: number): number;
  integer(low: number, highInclusive: number): number;
  pick<T>(items: readonly T[]): T;
  weighted<T>(items: readonly T[], weight: (item: T) => number): T;
  chance(probability: number): boolean;
  hex(digits: number): string;
  bytes(count: number): Buffer;
}

/** All chance in the simulator comes from here, so that a seed tells the whole story. */
export class Random {
  readonly #seed: string;
  readonly #streams = new Map<string, RandomStream>();

  constructor(seed: string | number) {
    this.#seed = String(seed);
  }

  /** A long-lived stream per concern ("market", "faults"). */
  stream(concern: string): RandomStream {
    let stream = this.#streams.get(concern);
    if (!stream) {
      stream = this.once(concern);
      this.#streams.set(concern, stream);
    }
    return stream;
  }

  /** A fresh stream for one object ("boot of contract 7"): its draws depend on nothing else. */
  once(concern: string): RandomStream {
    return streamFrom(hash32(`${this.#seed}/${concern}`), hash32(`${concern}/${this.#seed}`));
  }
}

/** FNV-1a with a final mix. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 12;
  return hash >>> 0;
}

function streamFrom(seedA: number, seedB: number): RandomStream {
  // sfc32: small, fast, long period.
  let a = seedA;
  let b = seedB;
  let c = 0x9e3779b9;
  let counter = 1;
  const uint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round += 1) uint32();
  const next = (): number => uint32() / 4294967296;
  const integer = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    integer,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError("pick from an empty list");
      return items[integer(0, items.length - 1)] as T;
    },
    weighted: <T>(items: readonly T[], weight: (item: T) => number): T => {
      let rest = next() * items.reduce((sum, item) => sum + weight(item), 0);
      for (const item of items) {
        rest -= weight(item);
        if (rest < 0) return item;
      }
      return items[items.length - 1] as T;
    },
    chance: (probability) => next() < probability,
    hex: (digits) => {
      let text = "";
      while (text.length < digits) text += uint32().toString(16).padStart(8, "0");
      return text.slice(0, digits);
    },
    bytes: (count) => {
      const buffer = Buffer.allocUnsafe(count);
      let offset = 0;
      for (; offset + 4 <= count; offset += 4) buffer.writeUInt32LE(uint32(), offset);
      for (; offset < count; offset += 1) buffer[offset] = uint32() & 0xff;
      return buffer;
    },
  };
}
