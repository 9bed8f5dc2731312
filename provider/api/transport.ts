import { Agent, DecoratorHandler, type Dispatcher, request } from "undici";
import type { z } from "zod";
import type { Clock } from "../clock.ts";
import { NOT_FOUND_REASONS, OFFER_GONE } from "./assumptions.ts";
import { VastError } from "./errors.ts";
import type { Pacer } from "./pacing.ts";

/**
 * May the same request be sent again?
 * - `when-unsure`: yes, also when it may have had its effect (reads, and writes that set a value).
 * - `when-refused`: only when it certainly had none (throttled, no connection). The caller resolves the rest.
 */
export type Resend = "when-unsure" | "when-refused";

export interface Endpoint<Args extends unknown[], Reply> {
  /** Path template, the key of the pacing table together with the method. */
  route: string;
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: (...args: Args) => string;
  body?: (...args: Args) => unknown;
  reply: z.ZodType<Reply>;
  resend: Resend;
}

export function endpoint<Args extends unknown[], Reply>(definition: Endpoint<Args, Reply>): Endpoint<Args, Reply> {
  return definition;
}

/** How long to go on asking a service that does not answer. */
export interface Patience {
  /** Longest time for one answer, wall seconds. */
  timeoutS?: number;
  maxAttempts?: number;
}

export interface TransportOptions extends Patience {
  baseUrl: string;
  apiKey: string;
  clock: Clock;
  pacer: Pacer;
  random?: () => number;
  signal?: AbortSignal;
}

export interface Transport {
  call<Args extends unknown[], Reply>(endpoint: Endpoint<Args, Reply>, ...args: Args): Promise<Reply>;
  /** A public URL handed out by the API (`result_url`): fetched without the key; undefined while it is not there yet. */
  fetchResult(url: string): Promise<string | undefined>;
  readonly baseUrl: string;
  readonly clock: Clock;
}

const RETRIED_STATUSES = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_S = 1;
const LONGEST_PAUSE_S = 30;
/** The create endpoint names a penalty of 12 s (vast-api.md 1.4): a throttled caller waits at least that long. */
const HOLD_OFF_S = 12;

const LONGEST_CONNECT_MS = 15_000;
const KEPT_ALIVE_MS = 30_000;

/** Its declaration leaves out the methods it has. */
const Decorator = DecoratorHandler as unknown as new (
  handler: Dispatcher.DispatchHandler,
) => { onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void };

/** Tells when a request is written to its connection. */
class DepartureHandler extends Decorator {
  readonly #left: () => void;

  constructor(handler: Dispatcher.DispatchHandler, left: () => void) {
    super(handler);
    this.#left = left;
  }

  override onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#left();
    super.onRequestStart(controller, context);
  }
}

interface RawAnswer {
  status: number;
  text: string;
  contentType: string;
}

export function createTransport(options: TransportOptions): Transport {
  const { baseUrl, apiKey, clock, pacer } = options;
  const random = options.random ?? Math.random;
  const timeoutMs = (options.timeoutS ?? 60) * 1000;
  const maxAttempts = options.maxAttempts ?? 8;
  const agent = new Agent({
    connect: { timeout: Math.min(timeoutMs, LONGEST_CONNECT_MS) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // Creates are 4.5 s apart: a connection that is not kept for that long would be made anew for each of them.
    keepAliveTimeout: KEPT_ALIVE_MS,
  });

  async function send(
    { method, route, url, body }: { method: string; route: string; url: string; body: unknown },
    left: () => void,
  ): Promise<RawAnswer> {
    try {
      const answer = await request(url, {
        method: method as "GET",
        headers: {
          authorization: `Bearer ${apiKey}`,
          "user-agent": "pulumi-vast/0.1.0",
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        dispatcher: agent.compose((dispatch) => (sent, handler) => dispatch(sent, new DepartureHandler(handler, left))),
        ...(options.signal ? { signal: options.signal } : {}),
      });
      return {
        status: answer.statusCode,
        text: await answer.body.text(),
        contentType: String(answer.headers["content-type"] ?? ""),
      };
    } catch (cause) {
      throw connectionError(route, baseUrl, cause);
    }
  }

  /** One try: the reply, or a failure that may be worth another. Answers that say no for good are thrown. */
  async function attemptOnce<Args extends unknown[], Reply>(
    ep: Endpoint<Args, Reply>,
    route: string,
    args: Args,
  ): Promise<{ reply: Reply } | { failure: VastError }> {
    let answer: RawAnswer;
    try {
      answer = await pacer.inTurn(route, (left) => {
        const url = `${baseUrl}${ep.path(...args)}`;
        return send({ method: ep.method, route, url, body: ep.body?.(...args) }, left);
      });
    } catch (error) {
      if (error instanceof VastError) return { failure: error };
      throw error;
    }
    if (!RETRIED_STATUSES.has(answer.status) && !turnedAwayAtTheEdge(answer)) {
      return readOrFail(() => readAnswer(ep, route, answer));
    }
    const failure = statusError(route, answer);
    if (failure.code === "rate-limit") await pacer.holdOff(route, HOLD_OFF_S);
    return { failure };
  }

  async function call<Args extends unknown[], Reply>(ep: Endpoint<Args, Reply>, ...args: Args): Promise<Reply> {
    const route = `${ep.method} ${ep.route}`;
    for (let attempt = 1; ; attempt += 1) {
      const result = await attemptOnce(ep, route, args);
      if ("reply" in result) return result.reply;
      if (!mayResend(result.failure, ep.resend) || attempt >= maxAttempts) throw result.failure;
      await clock.sleep(backoffS(attempt, random), options.signal);
    }
  }

  async function fetchResult(url: string): Promise<string | undefined> {
    try {
      const answer = await request(url, { dispatcher: agent });
      const text = await answer.body.text();
      return answer.statusCode === 200 ? text : undefined;
    } catch {
      // A broken transfer is no result either: the caller asks again until its deadline.
      return undefined;
    }
  }

  return { call, fetchResult, baseUrl, clock };
}

/** A 5xx of the service itself may be worth another try, like a gateway's; every other refusal is final. */
function readOrFail<Reply>(read: () => Reply): { reply: Reply } | { failure: VastError } {
  try {
    return { reply: read() };
  } catch (error) {
    if (error instanceof VastError && error.code === "unsure") return { failure: error };
    throw error;
  }
}

/** Exponential backoff with full jitter, bounded (seconds). */
export function backoffS(attempt: number, random: () => number): number {
  return random() * Math.min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1));
}

function mayResend(error: VastError, resend: Resend): boolean {
  switch (error.code) {
    case "rate-limit":
    case "unreachable":
      return true;
    case "unsure":
      return resend === "when-unsure";
    default:
      return false;
  }
}

const NEVER_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);
/** The network reports these for connections that stand, too: then the request may have arrived. */
const MAYBE_CONNECTED = new Set(["EHOSTUNREACH", "ENETUNREACH"]);

/** Whether a request certainly never left this machine. */
export function neverConnected(cause: unknown): boolean {
  const { code, syscall } = cause as { code?: unknown; syscall?: unknown };
  return NEVER_CONNECTED.has(String(code)) || (MAYBE_CONNECTED.has(String(code)) && syscall === "connect");
}

function connectionError(route: string, baseUrl: string, cause: unknown): VastError {
  const code = String((cause as { code?: unknown }).code ?? (cause as Error).name);
  if (neverConnected(cause)) {
    return new VastError("unreachable", `${baseUrl} cannot be reached (${code}); nothing was changed`, {
      endpoint: route,
      fix: "check the network, and `vast:apiUrl` in the stack config (or VAST_URL)",
      cause,
    });
  }
  return new VastError("unsure", `the connection to ${baseUrl} broke before the answer came (${code})`, {
    endpoint: route,
    cause,
  });
}

/** Under bursts a front end answers 403 with an HTML page before the API sees the request (vast-api.md 1.3). */
function turnedAwayAtTheEdge(answer: RawAnswer): boolean {
  return answer.status === 403 && /html/i.test(answer.contentType);
}

/** A throttled request certainly had no effect; a gateway's 502–504 may hide one. */
function statusError(route: string, answer: RawAnswer): VastError {
  if (answer.status === 429 || answer.status === 403) {
    return new VastError("rate-limit", "the service is still throttling this key", {
      endpoint: route,
      status: answer.status,
      fix: "another program may be using the same key at the same time; try again in a minute",
    });
  }
  return new VastError("unsure", "a gateway in front of the service failed", {
    endpoint: route,
    status: answer.status,
  });
}

function readAnswer<Args extends unknown[], Reply>(ep: Endpoint<Args, Reply>, route: string, answer: RawAnswer): Reply {
  const json = parseJson(answer.text);
  if (answer.status >= 400) throw errorAnswer(route, answer, json);
  if (json === undefined) throw oddAnswer(route, answer, "the body is not JSON");
  // Business failures also come as HTTP 200 (vast-api.md 1.3).
  if (isRecord(json) && json.success === false) throw errorAnswer(route, answer, json);
  const parsed = ep.reply.safeParse(json);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw oddAnswer(route, answer, `${first?.path.join(".") || "body"}: ${first?.message}`);
}

function oddAnswer(route: string, answer: RawAnswer, detail: string): VastError {
  return new VastError("unexpected", `the service answered in another shape than documented: ${detail}`, {
    endpoint: route,
    status: answer.status,
    fix: "nothing was concluded from it; if it stays, the API has changed and pulumi-vast needs an update",
  });
}

function errorAnswer(route: string, answer: RawAnswer, json: unknown): VastError {
  const body = isRecord(json) ? json : {};
  const reason = typeof body.error === "string" ? body.error : undefined;
  const text = [body.msg, body.message, body.detail].find((part) => typeof part === "string") as string | undefined;
  const said = (text ?? reason ?? "no message").slice(0, 300);
  const contract = Number(body.new_contract);
  const details = {
    endpoint: route,
    status: answer.status,
    ...(reason === undefined ? {} : { reason }),
    ...(Number.isInteger(contract) && contract > 0 ? { contractId: contract } : {}),
  };
  if (OFFER_GONE.test(`${reason} ${text}`)) return new VastError("offer-gone", said, details);
  if (answer.status === 401 || reason === "auth_error" || reason === "unauthorized") {
    return new VastError("auth", `the service refused the API key: ${said}`, {
      ...details,
      fix: "check `vast:apiKey` in the stack config (or VAST_API_KEY) and the key's permissions",
    });
  }
  if (answer.status >= 500) return new VastError("unsure", said, details);
  if (reason === undefined && text === undefined) return oddAnswer(route, answer, "an error without code or message");
  if (answer.status === 404 && reason !== undefined && NOT_FOUND_REASONS.has(reason))
    return new VastError("not-found", said, details);
  return new VastError("refused", said, details);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
