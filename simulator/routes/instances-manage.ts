import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, noSuchInstance, type Reply, success } from "../http/replies.ts";
import { setState } from "../world/contract-state.ts";
import { destroy, reboot, recreate, serveQueue, start, stop } from "../world/lifecycle.ts";
import { minBid } from "../world/placement.ts";
import type { Contract } from "../world/types.ts";
import { readEnv } from "./create-request.ts";
import { isId, ownContract } from "./instance-access.ts";
import { findTemplate } from "./template-store.ts";

const MAX_LABEL = 1024;
const MIN_BID = 0.001;
const MAX_BID_PER_GPU = 32;

export function changeState(call: Call, contract: Contract, state: "running" | "stopped"): Reply {
  if (state === "stopped") {
    stop(call.world, contract);
    return success();
  }
  switch (start(call.world, contract)) {
    case "started":
    case "running already":
      return success();
    case "no credit":
      return failure(400, "missing_billing", "Your account lacks credit; see the billing page.");
    case "expired":
      // vast-api.md 9.12: the error of starting an expired instance is unknown.
      return failure(400, "invalid_args", `Instance ${contract.id} has reached its end date.`);
    case "no room":
      // 3.5: a refused start is HTTP 200.
      return {
        status: 200,
        body: {
          success: false,
          error: "resources_unavailable",
          msg: "Required resources are currently unavailable, state change queued.",
        },
      };
  }
}

function manage(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return noSuchInstance(call.params.id ?? "");
  const { state, label } = call.body;
  if (label !== undefined) {
    const labelled = setLabel(call, contract, label);
    if (state === undefined || labelled.status !== 200) return labelled;
  }
  if (state === "running" || state === "stopped") return changeState(call, contract, state);
  return failure(400, "invalid_args", "error 400/1782: Invalid args: expected 'state' (running or stopped) or 'label'");
}

function setLabel(call: Call, contract: Contract, label: unknown): Reply {
  if (label !== null && typeof label !== "string") return failure(400, "invalid_args", "label must be a string");
  if ((label ?? "").length > MAX_LABEL) return failure(400, "label_too_long", `label is longer than ${MAX_LABEL}`);
  contract.label = label === "" ? null : label;
  call.world.record("label", { contract: contract.id, label });
  return success({ msg: `label for ${contract.id} set to '${label ?? ""}'` });
}

function bid(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return failure(404, "no_such_instance", "Instance with that ID does not exist.");
  const machine = call.world.machineOf(contract);
  const gpus = contract.gpuIndexes.length;
  const asked = call.body.price;
  const winning = minBid(machine, contract.gpuIndexes) ?? machine.minBidPerGpu * gpus;
  const price = asked === null || asked === undefined ? Math.max(winning, MIN_BID) : Number(asked);
  if (!(price >= MIN_BID)) return failure(400, "invalid_args", `Please set a bid price >= ${MIN_BID}.`);
  if (price > MAX_BID_PER_GPU * gpus) {
    return failure(400, "invalid_args", `Please set a bid price <= ${MAX_BID_PER_GPU * gpus}.`);
  }
  // 3.6: on demand or interruptible is settled at renting.
  if (!contract.isBid) return failure(400, "invalid_args", "Instance is not interruptible.");
  contract.dphBase = price;
  const rental = machine.rentals.find((held) => held.contractId === contract.id);
  if (rental) rental.dphPerGpu = price / gpus;
  setState(call.world, contract, {}, "bid changed");
  serveQueue(call.world, machine);
  return success();
}

/** Recreates the container in place with what changed (vast-api.md 3.5, update); data outside volumes is lost. */
function updateTemplate(call: Call): Reply {
  const contract = ownContract(call, call.params.id ?? call.body.id);
  if (!contract) return noSuchInstance(call.params.id ?? "");
  const { image, args, env, onstart, template_id, template_hash_id } = call.body;
  const template = findTemplate(
    call.world,
    typeof template_hash_id === "string" ? template_hash_id : null,
    typeof template_id === "number" ? template_id : null,
  );
  if (template === undefined) return failure(400, "invalid_args", "No such template.");
  const newEnv = env === undefined || env === null ? null : readEnv(env as Record<string, unknown>);
  if (newEnv !== null && !Array.isArray(newEnv)) return failure(400, newEnv.error, newEnv.msg);
  if (template) {
    contract.image = template.image;
    contract.onstart = template.onstart;
    contract.templateId = template.id;
    contract.templateHashId = template.hashId;
    contract.templateName = template.name;
    contract.env = [...new Map([...contract.env, ...template.env])];
  }
  if (typeof image === "string" && image !== "") contract.image = image;
  if (Array.isArray(args)) contract.imageArgs = args.map(String);
  if (typeof onstart === "string") contract.onstart = onstart;
  if (newEnv) contract.env = withFixedFlags(contract, newEnv);
  recreate(call.world, contract, "loading");
  return success({ updated_instance: contract.id });
}

/** Disk, ports and volumes belong to the contract: their flags stay whatever the new environment says. */
function withFixedFlags(contract: Contract, env: [string, string][]): [string, string][] {
  const fixed = contract.env.filter(([key]) => /^-[pv]\s/.test(key));
  return [...env.filter(([key]) => !/^-[pv]\s/.test(key)), ...fixed];
}

function instanceOrBadId(call: Call, error: string, msg: string): Contract | Reply {
  if (!isId(call.params.id)) return failure(400, error, msg);
  return ownContract(call, call.params.id) ?? noSuchInstance(call.params.id ?? "");
}

export const instanceManageEndpoints = [
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    limit: { minIntervalS: 1 },
    coverage: "complete",
    handle: manage,
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/instances/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    limit: { minIntervalS: 3 },
    coverage: "complete",
    handle: (call) => {
      const contract = instanceOrBadId(call, "invalid_args", "invalid instance_id");
      if ("status" in contract) return contract;
      destroy(call.world, contract);
      return success();
    },
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/reboot/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    limit: { minIntervalS: 1 },
    coverage: "complete; a reboot of what does not run is refused (unverified)",
    handle: (call) => {
      const contract = instanceOrBadId(call, "invalid_args", "invalid instance_id");
      if ("status" in contract) return contract;
      return reboot(call.world, contract) ? success() : failure(400, "invalid_args", "Instance is not running.");
    },
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/recycle/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    limit: { minIntervalS: 1 },
    coverage: "complete; a recycle of what does not run is refused (unverified)",
    handle: (call) => {
      const contract = instanceOrBadId(call, "invalid_id", "Invalid instance id.");
      if ("status" in contract) return contract;
      if (contract.cur !== "running") return failure(400, "invalid_args", "Instance is not running.");
      recreate(call.world, contract, "recycling");
      return success();
    },
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/bid_price/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    limit: { minIntervalS: 5.5 },
    coverage: "complete; changing an on-demand instance's bid is refused (unverified)",
    handle: bid,
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/update_template/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    coverage: "complete; updated_instance is the id (shape unknown)",
    handle: updateTemplate,
  }),
];
