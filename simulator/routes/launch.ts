import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success } from "../http/replies.ts";
import { parseSearch, searchOffers } from "../world/offer-search.ts";
import { QueryError } from "../world/query.ts";
import { acceptOffer } from "./create.ts";

const MAX_BULK = 64;

/** Searches and rents the first match (vast-api.md 2.1). The contract's id comes as text, as its specification says. */
function launch(call: Call): Reply {
  const { q, ...body } = call.body;
  if (q === null || typeof q !== "object" || Array.isArray(q)) return failure(400, "invalid_args", "q is required.");
  try {
    const query = { ...(q as Record<string, unknown>) };
    if (body.num_gpus !== undefined) query.num_gpus ??= { eq: body.num_gpus };
    const matches = searchOffers(call.world, parseSearch(call.world, query), call.account.id);
    const [first] = matches;
    if (!first) return failure(404, "no_such_ask", "error 404/3603: no_such_ask No offer matches the query.");
    const reply = acceptOffer(call, first.offer.id, body);
    if (reply.status !== 200) return reply;
    const answer = reply.body as { new_contract: number };
    return success({ ...answer, new_contract: String(answer.new_contract) });
  } catch (error) {
    if (error instanceof QueryError) return failure(400, "bad_request", error.message);
    throw error;
  }
}

/** Shape of the answer and partial failure are unknown (vast-api.md 9.1): one result per id, in order. */
function createMany(call: Call): Reply {
  const { ids, ...body } = call.body;
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > MAX_BULK) {
    return failure(400, "invalid_args", `ids must be a list of 1 to ${MAX_BULK} offer ids`);
  }
  const results = ids.map((id) => {
    const reply = acceptOffer(call, Number(id), body);
    return { ask_id: Number(id), status: reply.status, ...(reply.body as object) };
  });
  const good = results.every((result) => result.status === 200);
  return { status: 200, body: { success: good, results } };
}

export const launchEndpoints = [
  endpoint({
    method: "PUT",
    path: "/api/v0/launch_instance/",
    chapter: "2.1, 7",
    scope: "misc",
    limit: { minIntervalS: 5 },
    coverage: "complete",
    handle: launch,
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/asks/bulk/",
    chapter: "3.5 Bulk",
    scope: "instance_write",
    coverage: "simplified: one result per id, the live shape is unknown",
    handle: createMany,
  }),
];
