import type { RateLimit } from "../world/rate-limits.ts";
import type { Account, ApiKey, Contract } from "../world/types.ts";
import type { World } from "../world/world.ts";
import type { Reply } from "./replies.ts";
import type { Scope } from "./scopes.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Call {
  world: World;
  /** Base URL of this server, for result URLs. */
  baseUrl: string;
  now: number;
  account: Account;
  key: ApiKey;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** Parsed JSON; an empty body is {}. Undefined where it is not JSON and the endpoint reads it itself. */
  body: Record<string, unknown>;
  rawBody: string;
  /** What a fault's match looks at, as far as the path tells. */
  contract: Contract | undefined;
  /** Makes a request on an account's behalf, as scheduled jobs do. */
  dispatch: (accountId: number, method: string, path: string, body: Record<string, unknown>) => Promise<Reply>;
}

export interface Endpoint {
  method: Method;
  /** With trailing slash and {names}: also the route's name in faults, the request log and the coverage table. */
  path: string;
  /** The chapter of vast-api.md it is written from. */
  chapter: string;
  /** "none": answers without a key, though a wrong one is refused where the document says so. */
  auth?: "key" | "none";
  scope: Scope;
  limit?: RateLimit;
  /** Answers in pages that a client may fetch without pause if the choice `listBursts` says so. */
  pages?: true;
  /** "complete", or what is simplified. */
  coverage: string;
  /** Body that is not a JSON object: answered with this instead of the usual 400. */
  badBody?: Reply;
  handle: (call: Call) => Reply | Promise<Reply>;
}

export function endpoint(definition: Endpoint): Endpoint {
  return definition;
}

export function routeName(definition: Pick<Endpoint, "method" | "path">): string {
  return `${definition.method} ${definition.path}`;
}
