import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success } from "../http/replies.ts";
import { addKey } from "../world/accounts.ts";
import { hasDisk, type RentOutcome, type RentRequest, rent } from "../world/rent.ts";
import type { Machine, Mount, Offer, Volume } from "../world/types.ts";
import { freeOnAsk, rentVolume } from "../world/volumes.ts";
import { CreateBody, type Problem, toRentRequest } from "./create-request.ts";
import { findTemplate } from "./template-store.ts";

/** Accepts one offer; also used for each id of a bulk create and for launch_instance. */
export function acceptOffer(call: Call, offerId: number, rawBody: Record<string, unknown>): Reply {
  const askId = { ask_id: offerId };
  const parsed = CreateBody.safeParse(rawBody);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const error = issue?.message === "label_too_long" ? "label_too_long" : "invalid_args";
    return failure(400, error, `error 400/3467: Invalid args: ${issue?.path.join(".")}: ${issue?.message}`, askId);
  }
  const template = findTemplate(call.world, parsed.data.template_hash_id, parsed.data.template_id);
  if (template === undefined) {
    return failure(400, "invalid_args", "error 400/3467: Invalid args: no such template", askId);
  }
  const request = toRentRequest(parsed.data, template);
  if ("error" in request) return failure(400, request.error, request.msg, askId);
  if (call.world.ledger.credit(call.account.id, call.now) <= 0) {
    return failure(400, "insufficient_credit", "Your account lacks credit; see the billing page.", askId);
  }
  const refused = refusedByStanding(call, offerId, parsed.data);
  if (refused) return refused;
  const offer = call.world.offers.get(offerId);
  if (!offer) return gone(offerId);
  return acceptKnown(call, offer, request, parsed.data.volume_info ?? null);
}

/** What an account may not rent, whatever the offer. Status and shape of spend_rate_limit are unverified (3.1). */
function refusedByStanding(call: Call, offerId: number, body: CreateBody): Reply | undefined {
  const { standing, sshKeys } = call.account;
  const askId = { ask_id: offerId };
  if (standing.hostOnly) {
    const msg = `error 403/3586: Offer ${offerId} is not your own. Hosts can only rent their own machines.`;
    return failure(403, "invalid_args", msg, askId);
  }
  if (!standing.emailVerified) {
    return failure(
      400,
      "spend_rate_limit",
      "New accounts and those without a verified mail address are limited.",
      askId,
    );
  }
  if (body.vm && sshKeys.length === 0) {
    return failure(400, "no_ssh_key_for_vm", "A VM needs an SSH key in the account before it is made.", askId);
  }
  return undefined;
}

function acceptKnown(call: Call, offer: Offer, request: RentRequest, volumeInfo: VolumeInfo | null): Reply {
  const { world } = call;
  const askId = { ask_id: offer.id };
  if (!offer.removed && !hasDisk(world, offer, request.diskGb)) {
    const msg = `error 400/3467: Invalid args: disk ${request.diskGb} GB is more than this machine has free`;
    return failure(400, "invalid_args", msg, askId);
  }
  const plan = planVolumes(call, world.machineOf(offer), request, volumeInfo);
  if ("error" in plan) return failure(400, plan.error, plan.msg, askId);
  const outcome = rent(world, call.account, offer, request, plan.mount);
  return answer(call, offer.id, outcome);
}

function answer(call: Call, offerId: number, outcome: RentOutcome): Reply {
  switch (outcome.kind) {
    case "gone":
      return gone(offerId);
    case "no longer available":
      return failure(
        410,
        "no_such_ask",
        `error 410/3907: no_such_ask Instance type ${offerId} is no longer available.`,
        { ask_id: offerId },
      );
    case "rented":
    case "stopped": {
      const { contract } = outcome;
      addKey(call.world, call.account, {
        key: contract.apiKey,
        name: `instance ${contract.id}`,
        permissions: null,
        instanceId: contract.id,
      });
      call.world.record("accepted", {
        contract: contract.id,
        offer: offerId,
        account: call.account.id,
        outcome: outcome.kind,
      });
      if (outcome.kind === "rented") {
        return success({ new_contract: contract.id, instance_api_key: contract.apiKey });
      }
      // 3.1: an error answer whose body also has new_contract. Status and code are unverified.
      const error = outcome.because === "bid too low" ? "invalid_price" : "resources_unavailable";
      const msg =
        outcome.because === "bid too low"
          ? "error 400/3715: Bid is too low; instance was created in the stopped state."
          : "error 400/3716: Required resources are currently unavailable; instance was created in the stopped state.";
      return failure(call.world.choices.createdStoppedStatus, error, msg, {
        ask_id: offerId,
        new_contract: contract.id,
        instance_api_key: contract.apiKey,
      });
    }
  }
}

function gone(offerId: number): Reply {
  const msg = `error 404/3603: no_such_ask Instance type by id ${offerId} is not available.`;
  return failure(404, "invalid_args", msg, { ask_id: offerId });
}

type VolumeInfo = NonNullable<CreateBody["volume_info"]>;
type VolumePlan = { mount: (machine: Machine) => Mount[] } | Problem;

/** Volumes come through volume_info or as "-v V.<id>:/path" in env, and have to be free and on the same machine. */
function planVolumes(call: Call, machine: Machine, request: RentRequest, info: VolumeInfo | null): VolumePlan {
  const links = linkedVolumes(call, request, info);
  if ("error" in links) return links;
  for (const { volume } of links) {
    const problem = attachProblem(volume, machine);
    if (problem) return problem;
  }
  const created = info?.create_new ? newVolumePlan(call, machine, info) : null;
  if (created && "error" in created) return created;
  return {
    mount: () => {
      const mounts = links.map(({ volume, path }) => mountOf(volume, path));
      if (!created) return mounts;
      const volume = created.rent();
      request.env.push([`-v ${volumeName(volume)}:${created.path}`, "1"]);
      return [...mounts, mountOf(volume, created.path)];
    },
  };
}

interface Link {
  volume: Volume;
  path: string;
}

function linkedVolumes(call: Call, request: RentRequest, info: VolumeInfo | null): Link[] | Problem {
  const links: Link[] = [];
  for (const [key] of request.env) {
    const match = /^-v\s+(?:V\.(\d+)|([A-Za-z0-9_]+)):(\/[^:]*)$/.exec(key.trim());
    if (!match) continue;
    const volume = ownVolume(call, match[1] ? Number(match[1]) : null, match[2] ?? null);
    if (!volume) return { error: "no_such_volume", msg: `Volume in '${key}' does not exist.` };
    links.push({ volume, path: match[3] ?? "/data" });
  }
  if (!info || info.create_new) return links;
  const volume = ownVolume(call, info.volume_id, null);
  if (!volume) return { error: "no_such_volume", msg: `Volume ${info.volume_id} does not exist.` };
  request.env.push([`-v ${volumeName(volume)}:${info.mount_path}`, "1"]);
  return [...links, { volume, path: info.mount_path }];
}

/** Errors of attaching are unverified (vast-api.md 9.11). */
function attachProblem(volume: Volume, machine: Machine): Problem | undefined {
  if (volume.machineId !== machine.id) {
    return { error: "invalid_args", msg: `Volume ${volume.id} is on machine ${volume.machineId}, not ${machine.id}.` };
  }
  if (volume.instances.length > 0) {
    return { error: "invalid_args", msg: `Volume ${volume.id} is in use by instance ${volume.instances[0]}.` };
  }
  return undefined;
}

function newVolumePlan(call: Call, machine: Machine, info: VolumeInfo): { path: string; rent: () => Volume } | Problem {
  const sizeGb = info.size ?? 15;
  if (machine.volumeAsk?.id !== info.volume_id) {
    return { error: "invalid_args", msg: `Volume offer ${info.volume_id} is not on machine ${machine.id}.` };
  }
  if (freeOnAsk(call.world, machine) < sizeGb) {
    return { error: "invalid_args", msg: `Volume offer ${info.volume_id} has less than ${sizeGb} GB left.` };
  }
  const label = info.name ?? null;
  return { path: info.mount_path, rent: () => rentVolume(call.world, call.account, machine, { sizeGb, label }) };
}

function ownVolume(call: Call, id: number | null, name: string | null): Volume | undefined {
  for (const volume of call.world.volumes.values()) {
    if (volume.accountId !== call.account.id || volume.deletedAt !== null) continue;
    if (id !== null ? volume.id === id : volume.label === name) return volume;
  }
  return undefined;
}

function volumeName(volume: Volume): string {
  return volume.label ?? `V.${volume.id}`;
}

function mountOf(volume: Volume, path: string): Mount {
  const clean = path.length > 1 ? path.replace(/\/+$/, "") : path;
  return { volumeId: volume.id, path: clean, volumeName: volumeName(volume), sizeGb: volume.sizeGb };
}

export const createEndpoints = [
  endpoint({
    method: "PUT",
    path: "/api/v0/asks/{id}/",
    chapter: "3.1",
    scope: "instance_write",
    limit: { minIntervalS: 4.5, penaltyS: 12 },
    coverage:
      "complete; a `vm` is a container that is copied whole; `create_from` and jupyter settings have no effect; ports beyond the host's are left out",
    handle: (call) => {
      const id = Number(call.params.id);
      if (!Number.isInteger(id) || id <= 0) {
        const msg = "error 400/3467: Invalid args: 'id' is required and must be a valid offer ID";
        return failure(400, "invalid_args", msg, { ask_id: null });
      }
      return acceptOffer(call, id, call.body);
    },
  }),
];
