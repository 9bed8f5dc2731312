import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, ok, type Reply, success } from "../http/replies.ts";
import { rowOf } from "../world/offer-columns.ts";
import { type Column, conditionTest, QueryError, sortedBy } from "../world/query.ts";
import type { Machine, Volume } from "../world/types.ts";
import { VOLUME_OFFER_COLUMNS, VOLUME_VIRTUAL, type VolumeOfferView } from "../world/volume-columns.ts";
import { deleteVolume, freeOnAsk, rentVolume, volumeRate } from "../world/volumes.ts";
import { isId } from "./instance-access.ts";

const DEFAULT_ROWS = 64;
const DEFAULT_SIZE_GB = 15;
const CONTROL_KEYS = ["order", "limit", "allocated_storage", "type", "cluster_id"];

function search(call: Call): Reply {
  const { world, body } = call;
  const allocatedGb = Number(body.allocated_storage ?? 1);
  const views: VolumeOfferView[] = [...world.volumeAsks.values()]
    .filter((machine) => machine.online)
    .map((machine) => ({ world, machine, allocatedGb, now: call.now }));
  try {
    const tests = Object.entries(body)
      .filter(([key]) => !CONTROL_KEYS.includes(key))
      .flatMap(([key, condition]) => volumeTest(key, condition));
    const order = Array.isArray(body.order) ? body.order : [["score", "desc"]];
    const keys = order.map((entry: unknown) => {
      const [column, direction] = Array.isArray(entry) ? entry : [entry, "asc"];
      return { column: String(column), descending: direction === "desc" };
    });
    const found = views.filter((view) => tests.every((test) => test(view)));
    const rows = sortedBy(found, keys, VOLUME_OFFER_COLUMNS);
    const limit = Number(body.limit ?? DEFAULT_ROWS);
    return ok({
      offers: rows.slice(0, limit > 0 ? limit : DEFAULT_ROWS).map((view) => rowOf(VOLUME_OFFER_COLUMNS, view)),
    });
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return failure(400, "invalid_args", `Invalid query: ${error.message}, must be dict of conditions`);
  }
}

function volumeTest(key: string, condition: unknown) {
  const column: Column<VolumeOfferView> | undefined = VOLUME_VIRTUAL[key] ?? VOLUME_OFFER_COLUMNS[key];
  if (column) return [conditionTest(key, column, condition)];
  if (condition === null || typeof condition !== "object") {
    throw new QueryError(key, "Input should be a valid dictionary");
  }
  return [];
}

function rent(call: Call): Reply {
  const { id, name } = call.body;
  const sizeGb = Number(call.body.size ?? DEFAULT_SIZE_GB);
  const machine = call.world.volumeAsks.get(Number(id));
  if (!isId(id) || !machine) return failure(404, "not_found", `Volume offer ${String(id)} is not available.`);
  if (!Number.isInteger(sizeGb) || sizeGb < 1)
    return failure(400, "invalid_args", "size must be a whole number of GB.");
  if (name !== undefined && name !== null && !/^\w{1,64}$/.test(String(name))) {
    return failure(422, "invalid_args", "Volume names are letters, digits and _, at most 64.");
  }
  if (call.world.ledger.credit(call.account.id, call.now) <= 0) {
    return failure(400, "insufficient_credit", "Your account lacks credit; see the billing page.");
  }
  if (!machine.online || freeOnAsk(call.world, machine) < sizeGb) {
    return failure(400, "invalid_args", `Volume offer ${String(id)} has less than ${sizeGb} GB left.`);
  }
  const label = typeof name === "string" ? name : null;
  const volume = rentVolume(call.world, call.account, machine, { sizeGb, label });
  return success({ volume_name: `V.${volume.id}` });
}

function list(call: Call): Reply {
  const type = call.query.get("type") ?? "all_volume";
  // Network volumes were withdrawn (vast-api.md 4): none is ever listed.
  const local = type !== "network_volume";
  const own = [...call.world.volumes.values()].filter(
    (volume) => volume.accountId === call.account.id && volume.deletedAt === null,
  );
  return ok({ volumes: local ? own.map((volume) => volumeRow(volume, call.world.machineOf(volume))) : [] });
}

function volumeRow(volume: Volume, machine: Machine): Record<string, unknown> {
  return {
    id: volume.id,
    label: volume.label,
    status: volume.instances.length > 0 ? "in-use" : "created",
    type: "machine",
    disk_space: volume.sizeGb,
    machine_id: machine.id,
    host_id: machine.hostId,
    instances: [...volume.instances],
    start_date: volume.startDate,
    end_date: volume.endDate,
    storage_total_cost: volumeRate(volume),
    cluster_id: null,
    disk_name: machine.diskName,
    driver_version: machine.driverVersion,
    cuda_max_good: machine.cudaMaxGood,
    cpu_name: machine.cpuName,
    cpu_arch: machine.cpuArch,
    mobo_name: machine.moboName,
    os_version: machine.osVersion,
    public_ipaddr: machine.publicIp,
    static_ip: machine.staticIp,
    inet_up: machine.inetUpMbps,
    inet_down: machine.inetDownMbps,
    reliability2: machine.reliability,
    verification: machine.verification,
    geolocation: machine.geolocation,
  };
}

function remove(call: Call): Reply {
  const id = call.query.get("id") ?? call.body.id;
  if (!isId(id)) return failure(400, "invalid_args", "Please provide a valid volume ID.");
  const volume = call.world.liveVolume(Number(id));
  if (!volume || volume.accountId !== call.account.id) {
    return failure(404, "no_such_volume", "Volume with that ID does not exist.");
  }
  if (volume.instances.length > 0) {
    // The refusal is documented, its shape is not (vast-api.md 9.11).
    return failure(400, "invalid_args", `Volume is in use by instance ${volume.instances.join(", ")}.`);
  }
  deleteVolume(call.world, volume);
  return success();
}

const LIMIT = { minIntervalS: 5.5 };

export const volumeEndpoints = [
  endpoint({
    method: "POST",
    path: "/api/v0/volumes/search/",
    chapter: "4",
    scope: "misc",
    limit: LIMIT,
    coverage: "complete",
    handle: search,
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/volumes/",
    chapter: "4",
    scope: "instance_write",
    limit: LIMIT,
    coverage: "complete",
    handle: rent,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/volumes/",
    chapter: "4",
    scope: "instance_read",
    limit: LIMIT,
    coverage: "complete; network volumes, withdrawn from the service, never show",
    handle: list,
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/volumes/",
    chapter: "4",
    scope: "instance_write",
    limit: LIMIT,
    coverage: "complete; the refusal for a volume in use has a guessed shape",
    handle: remove,
  }),
];
