import { deflateSync, inflateSync } from "node:zlib";

export interface WorldEvent {
  sequence: number;
  at: number;
  kind: string;
  [detail: string]: unknown;
}

const PACKET_ITEMS = 500;

/** Items as compressed JSON: a tenth of what they take as objects, or less. */
interface Packet {
  count: number;
  latestAt: number;
  bytes: Buffer;
}

/**
 * What happened in the world, oldest first; the oldest are dropped beyond the limit, so that memory stays bounded. All
 * but the newest rest compressed: what is read often are the newest, and a busy week has hundreds of thousands.
 */
export class EventLog<T extends { at: number }> {
  #packets: Packet[] = [];
  #packedItems = 0;
  #fresh: T[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(item: T): void {
    this.#fresh.push(item);
    if (this.#fresh.length >= 2 * PACKET_ITEMS) this.#pack(this.#fresh.splice(0, PACKET_ITEMS));
  }

  since(at: number): T[] {
    const packed = this.#packets.filter((packet) => packet.latestAt >= at).flatMap((packet) => unpack<T>(packet));
    return [...packed, ...this.#fresh].filter((item) => item.at >= at);
  }

  /** Newest first, unpacking no more than is asked for. */
  *newestFirst(): Generator<T> {
    yield* this.#fresh.toReversed();
    for (const packet of this.#packets.toReversed()) yield* unpack<T>(packet).reverse();
  }

  get size(): number {
    return this.#packedItems + this.#fresh.length;
  }

  clear(): void {
    this.#packets = [];
    this.#packedItems = 0;
    this.#fresh = [];
  }

  #pack(items: T[]): void {
    // Calls are logged when they end under the time they began: the latest need not be the last.
    const latestAt = items.reduce((latest, { at }) => Math.max(latest, at), Number.NEGATIVE_INFINITY);
    const bytes = deflateSync(JSON.stringify(items), { level: 1 });
    this.#packets.push({ count: items.length, latestAt, bytes });
    this.#packedItems += items.length;
    while (this.size - (this.#packets[0]?.count ?? 0) >= this.#limit) {
      this.#packedItems -= this.#packets.shift()?.count ?? 0;
    }
  }
}

function unpack<T>(packet: Packet): T[] {
  return JSON.parse(inflateSync(packet.bytes).toString()) as T[];
}
