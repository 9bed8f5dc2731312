import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success } from "../http/replies.ts";
import { destroy } from "../world/lifecycle.ts";
import { ownContract } from "./instance-access.ts";
import { changeState } from "./instances-manage.ts";

const MAX_START_IDS = 100;

function idsOf(value: unknown): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const ids = value.map(Number);
  return ids.every((id) => Number.isInteger(id) && id > 0) ? ids : undefined;
}

/** Per-id results and partial failure are unknown (vast-api.md 9.1): each id is tried, failures are named. */
function bulkState(call: Call): Reply {
  const { state } = call.body;
  const ids = idsOf(call.body.ids);
  if (ids === undefined || ids.length === 0) return failure(400, "invalid_args", "ids must be a list of instance ids");
  if (state !== "running" && state !== "stopped")
    return failure(400, "invalid_args", "state must be running or stopped");
  const failed: { id: number; msg: string }[] = [];
  for (const id of ids) {
    const contract = ownContract(call, id);
    const reply = contract
      ? changeState(call, contract, state)
      : failure(404, "no_such_instance", `Instance ${id} not found.`);
    const body = reply.body as { success: boolean; msg?: string };
    if (!body.success) failed.push({ id, msg: body.msg ?? "failed" });
  }
  if (failed.length === 0) return success();
  return {
    status: 200,
    body: {
      success: false,
      error: "partial_failure",
      msg: failed.map(({ id, msg }) => `${id}: ${msg}`).join("; "),
      failed,
    },
  };
}

/** The official client sends this six times: ids that are gone already count as done (vast-api.md 7). */
function bulkDestroy(call: Call): Reply {
  const ids = idsOf(call.body.instance_ids);
  if (ids === undefined || ids.length === 0) {
    return failure(400, "invalid_args", "instance_ids must be a list of instance ids");
  }
  for (const id of ids) {
    const contract = ownContract(call, id);
    if (contract) destroy(call.world, contract);
  }
  return success();
}

function startMany(call: Call): Reply {
  if (call.body.IDs === undefined) return failure(400, "missing_input", "IDs is required.");
  if (Array.isArray(call.body.IDs) && call.body.IDs.length === 0) return failure(400, "empty_input", "IDs is empty.");
  const ids = idsOf(call.body.IDs);
  if (ids === undefined || ids.length > MAX_START_IDS)
    return failure(400, "invalid_instance_id", "Invalid instance id.");
  const contracts = ids.map((id) => ownContract(call, id));
  if (contracts.includes(undefined)) return failure(400, "invalid_instance_id", "Invalid instance id.");
  for (const contract of contracts) if (contract) changeState(call, contract, "running");
  return success({ msg: "Instances started successfully" });
}

export const bulkEndpoints = [
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/",
    chapter: "3.5 Bulk",
    scope: "instance_write",
    coverage: "simplified: answer of a partial failure is a guess",
    handle: bulkState,
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/instances/",
    chapter: "3.5 Bulk",
    scope: "instance_write",
    coverage: "simplified: no per-id results (shape unknown)",
    handle: bulkDestroy,
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/instances/start/",
    chapter: "3.5 Bulk",
    scope: "instance_write",
    limit: { minIntervalS: 2 },
    coverage: "complete",
    handle: startMany,
  }),
];
