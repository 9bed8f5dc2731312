/** A minimum interval between calls of one identity, or a number of calls per period (vast-api.md 1.4). */
export type RateLimit = { minIntervalS: number; penaltyS?: number } | { calls: number; periodS: number };

export interface RateVerdict {
  allowed: boolean;
  text: string;
}

/** Virtual seconds between which a call may have arrived: not before `earliest`, and it was seen at `latest`. */
export interface Arrival {
  earliest: number;
  latest: number;
}

/**
 * Judges intervals by when calls arrived, in the client's favour: a call that waited for this process to get to it is
 * late by no fault of its client, and the next one only seems early. What is forgiven once does not add up: the call
 * after an early one is due when it would have been had the early one kept its time, so a client whose pace is too fast
 * is found out however coarse the tolerance.
 */
export class RateLimiter {
  /** When the next call is due. */
  readonly #due = new Map<string, number>();
  readonly #blockedUntil = new Map<string, number>();
  readonly #windows = new Map<string, number[]>();
  readonly #restartOnReject: boolean;

  constructor(restartOnReject: boolean) {
    this.#restartOnReject = restartOnReject;
  }

  /** `toleranceS`: how much early is taken for the way from the client, not for haste. */
  check(endpoint: string, identity: string, limit: RateLimit, arrival: Arrival, toleranceS: number): RateVerdict {
    const key = `${endpoint} ${identity}`;
    if ("calls" in limit) return this.#perPeriod(key, limit, arrival, toleranceS);
    const due = this.#due.get(key) ?? Number.NEGATIVE_INFINITY;
    const blocked = (this.#blockedUntil.get(key) ?? Number.NEGATIVE_INFINITY) > arrival.latest + toleranceS;
    if (!blocked && arrival.latest + toleranceS >= due) {
      this.#due.set(key, Math.max(arrival.earliest, due) + limit.minIntervalS);
      return { allowed: true, text: "" };
    }
    // 1.4: what `penalty` does is unverified; taken as the wait after a violation.
    if (limit.penaltyS !== undefined && !blocked) this.#blockedUntil.set(key, arrival.latest + limit.penaltyS);
    if (this.#restartOnReject) this.#due.set(key, arrival.latest + limit.minIntervalS);
    return { allowed: false, text: `API requests too frequent: endpoint threshold=${limit.minIntervalS.toFixed(1)}` };
  }

  #perPeriod(
    key: string,
    limit: { calls: number; periodS: number },
    arrival: Arrival,
    toleranceS: number,
  ): RateVerdict {
    const recent = (this.#windows.get(key) ?? []).filter((at) => at > arrival.latest + toleranceS - limit.periodS);
    const allowed = recent.length < limit.calls;
    if (allowed) recent.push(arrival.earliest);
    this.#windows.set(key, recent);
    return { allowed, text: allowed ? "" : "API requests too frequent" };
  }
}
