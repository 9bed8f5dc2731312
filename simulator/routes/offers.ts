import { z } from "zod";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, ok, type Reply } from "../http/replies.ts";
import { GPU_MODELS } from "../world/gpu-models.ts";
import { offerRow, parseSearch, searchOffers } from "../world/offer-search.ts";
import { QueryError } from "../world/query.ts";

/** vast-api.md 1.4: searches are limited to 10 a minute per address, not per key. */
const SEARCH_LIMIT = { calls: 10, periodS: 60 };

function answerSearch(call: Call, query: Record<string, unknown>, selectCols?: readonly string[]): Reply {
  try {
    const search = parseSearch(call.world, query);
    if (search.ignored.length > 0) call.world.record("search-column-ignored", { columns: search.ignored });
    const accountId = call.account.id === 0 ? null : call.account.id;
    const rows = searchOffers(call.world, search, accountId).map(offerRow);
    return ok({ offers: selectCols ? rows.map((row) => pick(row, selectCols)) : rows });
  } catch (error) {
    if (error instanceof QueryError) return failure(400, "bad_request", error.message);
    throw error;
  }
}

function pick(row: Record<string, unknown>, columns: readonly string[]): Record<string, unknown> {
  if (columns.includes("*")) return row;
  return Object.fromEntries(columns.map((name) => [name, row[name] ?? null]));
}

function queryFromUrl(call: Call): Record<string, unknown> | undefined {
  const text = call.query.get("q");
  if (text === null || text === "") return {};
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed !== null && typeof parsed === "object" && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const INVALID_Q = failure(400, "invalid_request", "Invalid json in query parameter q");

function fromUrl(call: Call): Reply {
  const query = queryFromUrl(call);
  return query === undefined ? INVALID_Q : answerSearch(call, query);
}

const AskSearch = z.strictObject({
  q: z.record(z.string(), z.unknown()).default({}),
  select_cols: z.array(z.string()).optional(),
});

export const offerEndpoints = [
  endpoint({
    method: "POST",
    path: "/api/v0/bundles/",
    chapter: "2.1",
    auth: "none",
    scope: "misc",
    limit: SEARCH_LIMIT,
    coverage: "complete",
    handle: (call) => answerSearch(call, call.body),
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/bundles/",
    chapter: "2.1",
    auth: "none",
    scope: "misc",
    limit: SEARCH_LIMIT,
    coverage: "complete",
    handle: fromUrl,
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/search/asks/",
    chapter: "2.1",
    auth: "none",
    scope: "misc",
    limit: SEARCH_LIMIT,
    coverage: "complete",
    handle: (call) => {
      const parsed = AskSearch.safeParse(call.body);
      if (!parsed.success) {
        const extra = parsed.error.issues.find((issue) => issue.code === "unrecognized_keys");
        const msg = extra ? `${extra.keys[0]}: Extra inputs are not permitted` : "Invalid search body";
        return failure(400, "bad_request", msg);
      }
      return answerSearch(call, parsed.data.q, parsed.data.select_cols);
    },
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/search/asks/",
    chapter: "2.1",
    auth: "none",
    scope: "misc",
    limit: SEARCH_LIMIT,
    coverage: "complete",
    handle: fromUrl,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/gpu_names/unique/",
    chapter: "2.3, 7",
    auth: "none",
    scope: "misc",
    coverage: "complete",
    handle: () => ok({ gpu_names: [...new Set(GPU_MODELS.map((model) => model.name))].sort() }),
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/gpu_types/",
    chapter: "2.3",
    auth: "none",
    scope: "misc",
    coverage: "simplified: names only, the shape of the entries is not documented",
    handle: () => ok({ gpu_types: [...new Set(GPU_MODELS.map((model) => model.name))].sort() }),
  }),
];
