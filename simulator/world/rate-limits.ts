/** A minimum interval between calls of one identity, or a number of calls per period (vast-api.md 1.4). */
export type RateLimit = { minIntervalS: number; penaltyS?: number } | { calls: number; periodS: number };

export interface RateVerdict {
  allowed: boolean;
  text: string;
}

export class RateLimiter {
  readonly #last = new Map<string, number>();
  readonly #blockedUntil = new Map<string, number>();
  readonly #windows = new Map<string, number[]>();
  readonly #restartOnReject: boolean;

  constructor(restartOnReject: boolean) {
    this.#restartOnReject = restartOnReject;
  }

  /**
   * `toleranceS` forgives what the simulator's own machine adds: at speed 60 a pause of 5 ms of this process is 0.3
   * virtual seconds, which no client can be blamed for.
   */
  check(endpoint: string, identity: string, limit: RateLimit, now: number, toleranceS: number): RateVerdict {
    const key = `${endpoint} ${identity}`;
    if ("calls" in limit) return this.#perPeriod(key, limit, now);
    const slack = Math.min(toleranceS, limit.minIntervalS / 2);
    const blocked = (this.#blockedUntil.get(key) ?? Number.NEGATIVE_INFINITY) - slack > now;
    const last = this.#last.get(key);
    const tooSoon = last !== undefined && now - last < limit.minIntervalS - slack;
    if (!blocked && !tooSoon) {
      this.#last.set(key, now);
      return { allowed: true, text: "" };
    }
    // 1.4: what `penalty` does is unverified; taken as the wait after a violation.
    if (limit.penaltyS !== undefined && !blocked) this.#blockedUntil.set(key, now + limit.penaltyS);
    if (this.#restartOnReject) this.#last.set(key, now);
    return { allowed: false, text: `API requests too frequent: endpoint threshold=${limit.minIntervalS.toFixed(1)}` };
  }

  #perPeriod(key: string, limit: { calls: number; periodS: number }, now: number): RateVerdict {
    const recent = (this.#windows.get(key) ?? []).filter((at) => at > now - limit.periodS);
    const allowed = recent.length < limit.calls;
    if (allowed) recent.push(now);
    this.#windows.set(key, recent);
    return { allowed, text: allowed ? "" : "API requests too frequent" };
  }
}
