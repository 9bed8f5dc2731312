export type SourceKind = "instance" | "volume";
export type ItemKind = "gpu" | "disk" | "bwu" | "bwd" | "volume";

/** Time or traffic of one contract or volume that was charged: the unit every bill and view is summed from. */
export interface Entry {
  accountId: number;
  source: SourceKind;
  sourceId: number;
  kind: ItemKind;
  from: number;
  to: number;
  /** $/h for time, $/GB for traffic. */
  rate: number;
  /** Hours, or GB. */
  quantity: number;
  amount: number;
}

/** Money that came in or went out apart from usage. */
export interface Payment {
  id: number;
  accountId: number;
  at: number;
  kind: "credit" | "transfer" | "refund" | "reserved";
  amount: number;
  service: string;
}

interface Meter {
  accountId: number;
  source: SourceKind;
  sourceId: number;
  kind: ItemKind;
  rate: number;
  since: number;
}

interface AccountSum {
  /** USD of entries. */
  booked: number;
  meters: number;
  /** $/h of running meters. */
  rate: number;
  /** Sum of rate × start, with starts counted from `epoch` to keep the digits. */
  rateTimesSince: number;
  epoch: number | undefined;
}

const HOUR_S = 3600;
const GB = 1e9;

/**
 * Exact amounts (vast-api.md 8). A meter is a rate that runs since a moment; when the rate changes, the time so far
 * becomes an entry. Credit, total spend, charges and the admin's bill are sums over entries and running meters.
 */
export class Ledger {
  readonly #entries = new Map<string, Entry[]>();
  readonly #meters = new Map<string, Map<ItemKind, Meter>>();
  readonly #sums = new Map<number, AccountSum>();
  readonly #payments: Payment[] = [];
  readonly #granted = new Map<number, number>();
  readonly #deposits = new Map<number, { accountId: number; amount: number; gpuBefore: number }>();
  /** Sums of entries that are no longer kept one by one. */
  readonly #folded = new Map<number, Map<ItemKind, number>>();
  #nextPaymentId = 1;

  /** Sets what one item costs per hour from now on; 0 ends it. */
  setRate(now: number, subject: Subject, kind: ItemKind, rate: number): void {
    const key = keyOf(subject.source, subject.sourceId);
    let meters = this.#meters.get(key);
    const running = meters?.get(kind);
    if (running?.rate === rate || (!running && rate === 0)) return;
    if (running) {
      this.#book(this.#metered(running, now));
      meters?.delete(kind);
      this.#count(running, -1);
    }
    if (rate === 0) return;
    const meter: Meter = { ...subject, kind, rate, since: now };
    if (!meters) {
      meters = new Map();
      this.#meters.set(key, meters);
    }
    meters.set(kind, meter);
    this.#count(meter, 1);
  }

  /** Keeps an account's rate in one number, so that its spending needs no walk over thousands of meters. */
  #count(meter: Meter, sign: 1 | -1): void {
    const sum = this.#sum(meter.accountId);
    sum.epoch ??= meter.since;
    sum.meters += sign;
    sum.rate = sum.meters === 0 ? 0 : sum.rate + sign * meter.rate;
    sum.rateTimesSince = sum.meters === 0 ? 0 : sum.rateTimesSince + sign * meter.rate * (meter.since - sum.epoch);
  }

  #sum(accountId: number): AccountSum {
    let sum = this.#sums.get(accountId);
    if (!sum) {
      sum = { booked: 0, meters: 0, rate: 0, rateTimesSince: 0, epoch: undefined };
      this.#sums.set(accountId, sum);
    }
    return sum;
  }

  traffic(now: number, subject: Subject, kind: "bwu" | "bwd", bytes: number, pricePerGb: number): void {
    if (bytes <= 0) return;
    const quantity = bytes / GB;
    this.#book({ ...subject, kind, from: now, to: now, rate: pricePerGb, quantity, amount: quantity * pricePerGb });
  }

  pay(now: number, accountId: number, kind: Payment["kind"], amount: number, service: string): Payment {
    const payment = { id: this.#nextPaymentId, accountId, at: now, kind, amount, service };
    this.#nextPaymentId += 1;
    this.#payments.push(payment);
    this.#granted.set(accountId, (this.#granted.get(accountId) ?? 0) + amount);
    return payment;
  }

  payments(accountId: number): readonly Payment[] {
    return this.#payments.filter((payment) => payment.accountId === accountId);
  }

  /** Spendable: what came in, less what was spent and what is set aside for reservations. */
  credit(accountId: number, now: number): number {
    let held = 0;
    for (const [contractId, deposit] of this.#deposits) {
      if (deposit.accountId === accountId) held += this.remainingDeposit(contractId, now);
    }
    return (this.#granted.get(accountId) ?? 0) - this.spent(accountId, now) - held;
  }

  /** Sets money aside for a contract's compute from now on (vast-api.md 8.11). */
  deposit(accountId: number, contractId: number, amount: number, now: number): void {
    this.#deposits.set(contractId, { accountId, amount, gpuBefore: this.#gpuCost(contractId, now) });
  }

  remainingDeposit(contractId: number, now: number): number {
    const deposit = this.#deposits.get(contractId);
    if (!deposit) return 0;
    return Math.max(0, deposit.amount - (this.#gpuCost(contractId, now) - deposit.gpuBefore));
  }

  endDeposit(contractId: number): void {
    this.#deposits.delete(contractId);
  }

  #gpuCost(contractId: number, now: number): number {
    return this.entriesOf("instance", contractId, now).reduce(
      (sum, entry) => sum + (entry.kind === "gpu" ? entry.amount : 0),
      0,
    );
  }

  spent(accountId: number, now: number): number {
    const { booked, rate, rateTimesSince, epoch } = this.#sum(accountId);
    return booked + (epoch === undefined ? 0 : (rate * (now - epoch) - rateTimesSince) / HOUR_S);
  }

  /** $/h that everything running takes from an account's credit; what a reservation pays is not in it. */
  burnRate(accountId: number, now: number): number {
    let { rate } = this.#sum(accountId);
    for (const [contractId, deposit] of this.#deposits) {
      if (deposit.accountId !== accountId || this.remainingDeposit(contractId, now) <= 0) continue;
      rate -= this.#meters.get(keyOf("instance", contractId))?.get("gpu")?.rate ?? 0;
    }
    return Math.max(0, rate);
  }

  /** Entries of one contract or volume, what runs now included up to this moment. */
  entriesOf(source: SourceKind, sourceId: number, now: number): Entry[] {
    const key = keyOf(source, sourceId);
    const open = [...(this.#meters.get(key)?.values() ?? [])].map((meter) => this.#metered(meter, now));
    return [...(this.#entries.get(key) ?? []), ...open];
  }

  /** Forgets a finished contract's or volume's entries; what they came to stays, by account and kind. */
  fold(source: SourceKind, sourceId: number): void {
    const key = keyOf(source, sourceId);
    for (const { accountId, kind, amount } of this.#entries.get(key) ?? []) {
      let sums = this.#folded.get(accountId);
      if (!sums) {
        sums = new Map();
        this.#folded.set(accountId, sums);
      }
      sums.set(kind, (sums.get(kind) ?? 0) + amount);
    }
    this.#entries.delete(key);
    if (this.#meters.get(key)?.size === 0) this.#meters.delete(key);
  }

  *folded(): Generator<{ accountId: number; kind: ItemKind; amount: number }> {
    for (const [accountId, sums] of this.#folded) {
      for (const [kind, amount] of sums) yield { accountId, kind, amount };
    }
  }

  *allEntries(now: number): Generator<Entry> {
    for (const entries of this.#entries.values()) yield* entries;
    for (const meters of this.#meters.values()) {
      for (const meter of meters.values()) yield this.#metered(meter, now);
    }
  }

  #metered(meter: Meter, now: number): Entry {
    const { since, ...subject } = meter;
    const quantity = Math.max(0, now - since) / HOUR_S;
    return { ...subject, from: since, to: Math.max(now, since), quantity, amount: quantity * meter.rate };
  }

  #book(entry: Entry): void {
    this.#sum(entry.accountId).booked += entry.amount;
    const key = keyOf(entry.source, entry.sourceId);
    let entries = this.#entries.get(key);
    if (!entries) {
      entries = [];
      this.#entries.set(key, entries);
    }
    const last = entries.at(-1);
    // Copies book file by file: traffic at one price within an hour is kept as one entry.
    const joins =
      last?.kind === entry.kind && (entry.kind === "bwu" || entry.kind === "bwd") && last.rate === entry.rate;
    if (last && joins && entry.to - last.from < HOUR_S) {
      last.to = entry.to;
      last.quantity += entry.quantity;
      last.amount += entry.amount;
    } else {
      entries.push(entry);
    }
  }
}

export interface Subject {
  accountId: number;
  source: SourceKind;
  sourceId: number;
}

function keyOf(source: SourceKind, sourceId: number): string {
  return `${source}-${sourceId}`;
}
