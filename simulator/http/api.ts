import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { Arrival } from "../world/rate-limits.ts";
import { type Account, type ApiKey, GOOD_STANDING } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { type Call, type Endpoint, routeName } from "./endpoint.ts";
import { FaultGate } from "./fault-gate.ts";
import { RateGate } from "./rate-gate.ts";
import {
  BAD_KEY,
  DELETED_KEY,
  failure,
  INVALID_JSON,
  NO_LOGIN,
  NO_SECOND_FACTOR,
  type Reply,
  SCOPE_DENIED,
  SESSION_EXPIRED,
} from "./replies.ts";
import { RequestLog } from "./request-log.ts";
import { permits } from "./scopes.ts";

type Env = { Bindings: HttpBindings };

const NOBODY: Account = {
  id: 0,
  username: "",
  email: "",
  fullname: "",
  createdAt: 0,
  parentId: null,
  keys: [],
  sshKeys: [],
  secrets: new Map(),
  profile: {},
  autobill: null,
  balanceThreshold: null,
  hasRented: false,
  standing: { ...GOOD_STANDING },
  graceUsd: null,
};
const NO_KEY: ApiKey = { id: 0, key: "", name: "", permissions: { api: {} }, instanceId: null, createdAt: 0 };

/** The public side: routes, keys, rate limits, faults and the request log around the endpoints' own answers. */
export class Api {
  readonly app = new Hono<Env>({ strict: false });
  readonly requests = new RequestLog();
  baseUrl = "";
  readonly #world: World;
  readonly #rates: RateGate;
  readonly #gate: FaultGate;
  readonly #routes: string[] = [];
  readonly #endpoints: readonly Endpoint[];

  constructor(world: World, endpoints: readonly Endpoint[]) {
    this.#world = world;
    this.#endpoints = endpoints;
    this.#rates = new RateGate(world);
    this.#gate = new FaultGate(world);
    for (const endpoint of endpoints) this.#register(endpoint);
    this.app.notFound((context) => this.#notCovered(context.req.method, new URL(context.req.url).pathname));
    this.app.onError((error, context) => {
      this.#world.log.error({ err: error, path: context.req.path }, "a request failed inside the simulator");
      return toResponse(failure(500, "internal_error", `the simulator failed: ${error.message}`));
    });
  }

  /** The full name of a route, also when the trailing slash is missing; undefined where there is none. */
  routeFor(name: string): string | undefined {
    return this.#routes.find((route) => route === name || route === `${name}/`);
  }

  close(): void {
    this.#rates.close();
  }

  #register(endpoint: Endpoint): void {
    this.#routes.push(routeName(endpoint));
    const pattern = endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1").replace(/\/$/, "");
    const name = routeName(endpoint);
    this.app.on(endpoint.method, pattern, async (context) => {
      const started = performance.now();
      const arrival = this.#rates.arrival();
      this.#world.clock.catchUp();
      const url = new URL(context.req.url);
      const at = this.#world.now;
      const keyText = keyOf(context.req.header("authorization"), context.req.header("x-api-key"), url);
      const owner = keyText === undefined ? undefined : this.#world.keys.get(keyText);
      const note = (status: number): void => {
        const ms = Math.round((performance.now() - started) * 100) / 100;
        const account = owner?.account.id ?? null;
        this.requests.add({
          at,
          method: endpoint.method,
          route: name,
          path: url.pathname + url.search,
          status,
          account,
          ms,
        });
        this.#world.log.info({ at, route: name, status, account, ms }, "request");
      };
      const rawBody = await context.req.text();
      const call = this.#call(endpoint, context.req.param() as Record<string, string>, url, rawBody, owner);
      const passage = { name, contract: call.contract, account: owner?.account.id, bindings: context.env, note };
      return this.#world.sleepers.during(() =>
        this.#gate.around(passage, () =>
          this.#answer(endpoint, name, call, { key: keyText, known: owner !== undefined, arrival }),
        ),
      );
    });
  }

  #call(
    endpoint: Endpoint,
    params: Record<string, string>,
    url: URL,
    rawBody: string,
    owner: { account: Account; key: ApiKey } | undefined,
  ): Call {
    const isInstance = /\/(instances|commands)\//.test(endpoint.path) && params.id !== undefined;
    return {
      world: this.#world,
      baseUrl: this.baseUrl,
      now: this.#world.now,
      account: owner?.account ?? NOBODY,
      key: owner?.key ?? NO_KEY,
      params,
      query: url.searchParams,
      body: {},
      rawBody,
      contract: isInstance ? this.#world.contracts.get(Number(params.id)) : undefined,
      dispatch: (accountId, method, path, body) => this.#dispatch(accountId, method, path, body),
    };
  }

  /** The endpoint's own answer to an account's request, without key, limits and faults. */
  async #dispatch(accountId: number, method: string, path: string, body: Record<string, unknown>): Promise<Reply> {
    const url = new URL(path, "http://simulator");
    const segments = url.pathname.split("/").filter((part) => part !== "");
    const account = this.#world.accounts.get(accountId);
    const key = account?.keys[0];
    for (const endpoint of this.#endpoints) {
      const params = endpoint.method === method ? paramsOf(endpoint.path, segments) : undefined;
      if (!params || !account || !key) continue;
      const call = this.#call(endpoint, params, url, JSON.stringify(body), { account, key });
      call.body = body;
      return endpoint.handle(call);
    }
    return failure(501, "not_covered", `${method} ${path} is not covered by this simulator.`);
  }

  async #answer(endpoint: Endpoint, name: string, call: Call, caller: Caller): Promise<Reply> {
    const refused = this.#refusal(endpoint, call, caller);
    if (refused) return refused;
    const tooFast = this.#rates.refusal(endpoint, call, caller.key, caller.arrival);
    if (tooFast) return tooFast;
    const body = parseBody(call.rawBody);
    if (body === undefined) return endpoint.badBody ?? INVALID_JSON;
    call.body = body;
    call.now = this.#world.now;
    if (call.account.id !== 0 && endpoint.method !== "GET") this.#audit(name, call);
    const reply = await endpoint.handle(call);
    this.#rates.answered(endpoint, caller.key, reply);
    return reply;
  }

  #audit(route: string, call: Call): void {
    const { account, key, body, now } = call;
    this.#world.audit.add({ at: now, accountId: account.id, keyId: key.id, ip: "127.0.0.1", route, args: body });
  }

  /** vast-api.md 1.3: no header 403, a key that is nobody's 404 with auth_error, a scope that lacks the route 401. */
  #refusal(endpoint: Endpoint, call: Call, { key, known }: Caller): Reply | undefined {
    if (key === undefined) return endpoint.auth === "none" ? undefined : NO_LOGIN;
    if (!known) return this.#world.deletedKeys.has(key) ? DELETED_KEY : BAD_KEY;
    const { session } = call.account.standing;
    if (session !== "good") return session === "expired" ? SESSION_EXPIRED : NO_SECOND_FACTOR;
    return permits(call.key, endpoint, call) ? undefined : SCOPE_DENIED;
  }

  #notCovered(method: string, path: string): Response {
    const msg = `${method} ${path} is not covered by this simulator (docs/simulator.md lists what is).`;
    const known = isKnownAbsent(method, path);
    const reply = known ? failure(404, "not_found", "Not found.") : failure(501, "not_covered", msg);
    this.#world.log.warn({ method, path, status: reply.status }, "not covered");
    this.requests.add({
      at: this.#world.now,
      method,
      route: "not covered",
      path,
      status: reply.status,
      account: null,
      ms: 0,
    });
    return toResponse(reply);
  }
}

interface Caller {
  key: string | undefined;
  /** Whether the key is somebody's. */
  known: boolean;
  arrival: Arrival;
}

/** Values of {names} where the path fits the template. */
function paramsOf(template: string, segments: readonly string[]): Record<string, string> | undefined {
  const parts = template.split("/").filter((part) => part !== "");
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== segments[index]) return undefined;
    if (name !== undefined) params[name] = segments[index] as string;
  }
  return params;
}

/** Routes that the live service answers with 404 (vast-api.md 2.1). */
function isKnownAbsent(method: string, path: string): boolean {
  return (
    (method === "POST" && /^\/api\/v0\/search\/asks\/?$/.test(path)) ||
    (method === "PUT" && /^\/api\/v0\/bundles\/?$/.test(path))
  );
}

function keyOf(authorization: string | undefined, header: string | undefined, url: URL): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
  return bearer ?? header ?? url.searchParams.get("api_key") ?? undefined;
}

function parseBody(raw: string): Record<string, unknown> | undefined {
  if (raw.trim() === "") return {};
  try {
    const parsed: unknown = JSON.parse(raw);
    return parsed !== null && typeof parsed === "object" && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The content type is exactly `application/json`: with a charset the official client shows nothing (section 7). */
export function toResponse(reply: Reply): Response {
  const headers = { "content-type": reply.contentType ?? "application/json" };
  const body = reply.contentType === undefined ? JSON.stringify(reply.body) : String(reply.body);
  return new Response(body, { status: reply.status, headers });
}
