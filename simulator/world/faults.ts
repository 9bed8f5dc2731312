import type { RandomStream } from "./random.ts";

export const FAULT_KINDS = [
  // Any endpoint:
  "delay",
  "status",
  "html",
  "drop-before",
  "drop-after",
  "truncate",
  "wrong-shape",
  // Reads of instances:
  "stale-list",
  "omit-from-list",
  "null-instance",
  // Accepting an offer:
  "offer-gone",
  "price-rise",
  "no-room",
  // A contract's life ("boot"):
  "pull-stuck",
  "boot-fail",
  "cuda-mismatch",
  "host-offline",
  // Copies ("copy"):
  "copy-noop",
  "copy-half",
  "copy-fail",
  "copy-stuck",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultSpec {
  /** A route template ("PUT /api/v0/asks/{id}/"), or "boot", "copy", "execute", or "*" for every route. */
  endpoint: string;
  kind: FaultKind;
  match?: { instanceId?: number; label?: string; account?: number };
  status?: number;
  body?: unknown;
  seconds?: number;
  /** How often it strikes; null: until removed. */
  times: number | null;
  probability: number;
}

export interface Fault extends FaultSpec {
  id: number;
  struck: number;
  /** What the list looked like when a stale-list fault was set. */
  snapshot?: unknown;
}

/** What the call or the moment is about, to be compared with a fault's match. */
export interface FaultTarget {
  instanceId?: number | undefined;
  label?: string | null | undefined;
  account?: number | undefined;
}

export class FaultBook {
  readonly #faults = new Map<number, Fault>();
  readonly #draw: RandomStream;
  #nextId = 1;

  constructor(draw: RandomStream) {
    this.#draw = draw;
  }

  add(spec: FaultSpec): Fault {
    const fault: Fault = { ...spec, id: this.#nextId, struck: 0 };
    this.#nextId += 1;
    this.#faults.set(fault.id, fault);
    return fault;
  }

  list(): Fault[] {
    return [...this.#faults.values()];
  }

  remove(id: number): boolean {
    return this.#faults.delete(id);
  }

  clear(): void {
    this.#faults.clear();
  }

  /** The first fault of these kinds that strikes here and now; counts it. */
  strike(endpoints: readonly string[], kinds: readonly FaultKind[], target: FaultTarget): Fault | undefined {
    for (const fault of this.#faults.values()) {
      if (!kinds.includes(fault.kind)) continue;
      if (fault.endpoint !== "*" && !endpoints.includes(fault.endpoint)) continue;
      if (fault.times !== null && fault.struck >= fault.times) continue;
      if (!matches(fault, target)) continue;
      if (fault.probability < 1 && !this.#draw.chance(fault.probability)) continue;
      fault.struck += 1;
      return fault;
    }
    return undefined;
  }
}

function matches(fault: Fault, target: FaultTarget): boolean {
  const { match } = fault;
  if (!match) return true;
  if (match.instanceId !== undefined && match.instanceId !== target.instanceId) return false;
  if (match.account !== undefined && match.account !== target.account) return false;
  if (match.label !== undefined && !(target.label ?? "").startsWith(match.label)) return false;
  return true;
}
