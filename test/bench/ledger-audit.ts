/** What an instance costs while it runs, exists and sends; from its row in the list. */
export interface Rates {
  machineId: number;
  computePerHour: number;
  diskPerHour: number;
  uploadPerGb: number;
}

interface Life {
  compute: boolean;
  alive: boolean;
  since: number;
  computeUsd: number;
  diskUsd: number;
  bandwidthUsd: number;
}

export interface WorldEvent {
  sequence: number;
  at: number;
  kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: each kind of event has details of its own.
  [detail: string]: any;
}

/** What one instance should have cost, and what the ledger says. */
export interface Difference {
  contract: number;
  part: "computeUsd" | "diskUsd" | "bandwidthUsd";
  expected: number;
  ledger: number;
}

const BILLED = new Set(["running", "rebooting", "frozen"]);
const PARTS = ["computeUsd", "diskUsd", "bandwidthUsd"] as const;
const HOUR_S = 3600;
const GB = 1e9;

/**
 * The integral of the rates over the intervals between events, computed from outside: a second opinion on the ledger
 * that shares nothing with it but the events and the rows (vast-api.md 8.1, 8.2: compute while the container runs,
 * disk in every state, nothing while the host is offline).
 */
export class LedgerAudit {
  readonly #rates = new Map<number, Rates>();
  readonly #lives = new Map<number, Life>();
  readonly #offline = new Set<number>();
  /** Events of contracts that no list has shown yet wait for their rates. */
  #waiting: WorldEvent[] = [];
  #last = 0;

  know(contract: number, rates: Rates): void {
    this.#rates.set(contract, rates);
  }

  /** Events in order; those seen before are skipped, so pages may overlap. */
  take(events: readonly WorldEvent[]): void {
    for (const event of events) {
      if (event.sequence <= this.#last) continue;
      if (event.sequence !== this.#last + 1)
        throw new Error(`events ${this.#last + 1} to ${event.sequence - 1} are missing`);
      this.#last = event.sequence;
      this.#waiting.push(event);
    }
  }

  get events(): number {
    return this.#last;
  }

  /** Every contract's parts at a moment, compared with the admin's bill. Ends the audit. */
  compare(now: number, byInstance: Record<string, Record<(typeof PARTS)[number], number>>): Difference[] {
    for (const event of this.#waiting) this.#apply(event);
    this.#waiting = [];
    const differences: Difference[] = [];
    for (const [contract, life] of this.#lives) {
      this.#settle(contract, life, now);
      for (const part of PARTS) {
        differences.push({ contract, part, expected: life[part], ledger: byInstance[contract]?.[part] ?? 0 });
      }
    }
    const unknown = Object.keys(byInstance).filter((id) => !this.#lives.has(Number(id)));
    if (unknown.length > 0) throw new Error(`the bill has instances without events: ${unknown.join(", ")}`);
    return differences;
  }

  #apply(event: WorldEvent): void {
    if (event.kind === "host-offline" || event.kind === "host-online") {
      this.#settleMachine(event.machineId, event.at);
      if (event.kind === "host-offline") this.#offline.add(event.machineId);
      else this.#offline.delete(event.machineId);
    } else if (event.kind === "state") {
      const life = this.#lives.get(event.contract) ?? newLife(event.at);
      this.#lives.set(event.contract, life);
      this.#settle(event.contract, life, event.at);
      life.compute = BILLED.has(event.actual);
      if (event.reason === "destroyed") life.alive = false;
    } else if (/^copy-(complete|failed|cancelled|stuck)$/.test(event.kind)) {
      const life = this.#lives.get(event.contract);
      if (life) life.bandwidthUsd += (event.bytes / GB) * this.#ratesOf(event.contract).uploadPerGb;
    }
  }

  #settleMachine(machineId: number, at: number): void {
    for (const [contract, life] of this.#lives) {
      if (life.alive && this.#ratesOf(contract).machineId === machineId) this.#settle(contract, life, at);
    }
  }

  #settle(contract: number, life: Life, at: number): void {
    const hours = (at - life.since) / HOUR_S;
    life.since = at;
    const { machineId, computePerHour, diskPerHour } = this.#ratesOf(contract);
    if (!life.alive || this.#offline.has(machineId)) return;
    life.diskUsd += hours * diskPerHour;
    if (life.compute) life.computeUsd += hours * computePerHour;
  }

  #ratesOf(contract: number): Rates {
    const rates = this.#rates.get(contract);
    if (!rates) throw new Error(`contract ${contract} was never in a list`);
    return rates;
  }
}

function newLife(since: number): Life {
  return { compute: false, alive: true, since, computeUsd: 0, diskUsd: 0, bandwidthUsd: 0 };
}
