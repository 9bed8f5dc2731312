import type { Choices } from "../world/options.ts";
import { type Arrival, RateLimiter } from "../world/rate-limits.ts";
import type { World } from "../world/world.ts";
import { type Call, type Endpoint, routeName } from "./endpoint.ts";
import { failure, type Reply, text } from "./replies.ts";
import { Stalls } from "./stalls.ts";

/** Real milliseconds that one call may travel faster than the one before it. */
const JITTER_MS = 5;

/** Refuses calls that come faster than the published intervals (vast-api.md 1.4). */
export class RateGate {
  readonly #world: World;
  readonly #limiter: RateLimiter;
  readonly #stalls: Stalls | undefined;
  /** By key, the token of the page after the one it got last. */
  readonly #nextPages = new Map<string, unknown>();

  constructor(world: World) {
    this.#world = world;
    this.#limiter = new RateLimiter(world.choices.rejectedCallsRestartInterval);
    this.#stalls = world.choices.enforceRateLimits ? new Stalls() : undefined;
  }

  close(): void {
    this.#stalls?.close();
  }

  /** Asked before anything else is done about a call. */
  arrival(): Arrival {
    const { clock } = this.#world;
    const latest = clock.now();
    const stalledMs = clock.paused ? 0 : (this.#stalls?.recentMs() ?? 0);
    return { earliest: latest - (stalledMs / 1000) * clock.speed, latest };
  }

  refusal(endpoint: Endpoint, call: Call, key: string | undefined, arrival: Arrival): Reply | undefined {
    const { choices, clock } = this.#world;
    if (!endpoint.limit || !choices.enforceRateLimits) return undefined;
    if (endpoint.pages && choices.listBursts && this.#goesOn(call, key)) return undefined;
    const identity = "calls" in endpoint.limit ? "ip" : (key ?? "ip");
    const toleranceS = (JITTER_MS / 1000) * clock.speed;
    const verdict = this.#limiter.check(routeName(endpoint), identity, endpoint.limit, arrival, toleranceS);
    return verdict.allowed ? undefined : tooFrequent(choices.tooFrequentBody, verdict.text);
  }

  answered(endpoint: Endpoint, key: string | undefined, { body }: Reply): void {
    if (!endpoint.pages || key === undefined) return;
    const token = body !== null && typeof body === "object" && "next_token" in body ? body.next_token : null;
    this.#nextPages.set(key, token);
  }

  /** Whether a call asks for the page after the one its key got last; each page can be asked for once in this way. */
  #goesOn(call: Call, key: string | undefined): boolean {
    const token = call.query.get("after_token");
    if (key === undefined || token === null || this.#nextPages.get(key) !== token) return false;
    return this.#nextPages.delete(key);
  }
}

/** vast-api.md 1.4: usually plain text; destroy and other specifications show JSON. */
function tooFrequent(shape: Choices["tooFrequentBody"], words: string): Reply {
  if (shape === "json") return failure(429, "rate_limit_exceeded", words);
  return shape === "detail" ? { status: 429, body: { detail: words } } : text(429, words);
}
