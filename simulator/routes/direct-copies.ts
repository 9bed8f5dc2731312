import { posix } from "node:path";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success } from "../http/replies.ts";
import { type CopyRequest, cancelCopies, startCopy } from "../world/copier.ts";
import { instanceDisk, volumeDisk } from "../world/copy-disk.ts";
import { cancelDirectCopies, type Place, startDirectCopy } from "../world/direct-copy.ts";
import type { Connection, Contract } from "../world/types.ts";
import { freeOnAsk, rentVolume } from "../world/volumes.ts";
import { isId, ownContract } from "./instance-access.ts";

type Side = { kind: "place"; place: Place } | { kind: "cloud"; connection: Connection; path: string };

const STARTED =
  "Remote to Remote copy initiated - check instance status bar for progress updates (~30 seconds delayed).";

/** C.<instance>, a bare instance id, V.<volume>, s3.<connection> (vast-api.md 5.1). */
function side(call: Call, id: unknown, path: string): Side | Reply {
  const text = String(id ?? "");
  const [kind, number] = /^([A-Za-z0-9]+)\.(\d+)$/.exec(text)?.slice(1) ?? ["C", text];
  if (kind === "C" && isId(number)) {
    const contract = ownContract(call, number);
    if (!contract) return failure(404, "no_such_instance", `Instance ${number} not found.`);
    const machine = call.world.machineOf(contract);
    return { kind: "place", place: { name: `C.${contract.id}`, machine, contract, volume: null, path } };
  }
  if (kind === "V") {
    const volume = call.world.liveVolume(Number(number));
    if (volume?.accountId !== call.account.id)
      return failure(404, "no_such_volume", "Volume with that ID does not exist.");
    const machine = call.world.machineOf(volume);
    return { kind: "place", place: { name: `V.${volume.id}`, machine, contract: null, volume, path } };
  }
  const connection = call.world.connections.get(Number(number));
  if (kind === "s3" && connection?.accountId === call.account.id) return { kind: "cloud", connection, path };
  return failure(501, "not_covered", `copies with '${text}' are not covered by this simulator`);
}

const isLocal = (id: unknown): boolean => id === "local" || id === null || id === undefined;

/** `client_id` is "me", or the caller's own id; another user's is nobody's (vast-api.md 5.1). */
function strangerIn(call: Call): Reply | undefined {
  const { client_id } = call.body;
  if (client_id === undefined || client_id === "me" || Number(client_id) === call.account.id) return undefined;
  return failure(404, "no_such_user", `There is no user ${String(client_id)}.`);
}

/** Of a VM only the whole disk is copied: a path on its side is refused, and stands for the root from here on. */
function pathOf(call: Call, name: "src" | "dst"): string | Reply {
  const path = call.body[`${name}_path`];
  const isVm = instanceOf(call, call.body[`${name}_id`])?.isVm ?? false;
  const given = typeof path === "string" && path !== "";
  if (isVm && !given) return "/";
  if (isVm) {
    const msg = name === "src" ? "src_path not supported VMs." : "dst_path not supported for VMs.";
    return failure(400, "invalid_args", msg);
  }
  return given ? path : failure(400, "invalid_args", `Invalid ${name}_path.`);
}

function instanceOf(call: Call, id: unknown): Contract | undefined {
  return ownContract(call, String(id ?? "").replace(/^C\./, ""));
}

function copy(call: Call): Reply | Promise<Reply> {
  const { src_id, dst_id } = call.body;
  const stranger = strangerIn(call);
  if (stranger) return stranger;
  const from = pathOf(call, "src");
  if (typeof from !== "string") return from;
  const to = pathOf(call, "dst");
  if (typeof to !== "string") return to;
  if (isLocal(src_id) || isLocal(dst_id)) return copyWithLocal(call, from, to);
  const source = side(call, src_id, from);
  if ("status" in source) return source;
  const target = side(call, dst_id, to);
  if ("status" in target) return target;
  const wholeDisk = target.kind === "place" && target.place.contract?.isVm === true;
  if (target.kind === "place" && !wholeDisk && isForbiddenTarget(to)) return FORBIDDEN_TARGET;
  if (source.kind === "place" && target.kind === "place") startDirectCopy(call.world, source.place, target.place);
  else if (!startThroughCloud(call, source, target)) {
    return failure(501, "not_covered", "copies between two clouds are not covered");
  }
  return success({ msg: STARTED });
}

const FORBIDDEN_TARGET = failure(400, "invalid_args", "Copying to / or /root is not allowed.");

function isForbiddenTarget(path: string): boolean {
  return /^\/(root)?\/*$/.test(path);
}

/** Tells the client where to run rsync: the bytes then go over the SSH server of the instance's host. */
async function copyWithLocal(call: Call, from: string, to: string): Promise<Reply> {
  const { src_id, dst_id } = call.body;
  const downloads = isLocal(dst_id);
  if (downloads && isLocal(src_id)) return failure(400, "invalid_args", "One side has to be an instance.");
  const remote = downloads ? src_id : dst_id;
  if (/^V\./.test(String(remote)))
    return failure(400, "invalid_args", "Volumes are not copied from or to local disks.");
  const contract = instanceOf(call, remote);
  if (!contract) return failure(404, "no_such_instance", `Instance ${String(remote)} not found.`);
  if (!downloads && isForbiddenTarget(to)) return FORBIDDEN_TARGET;
  const path = posix.normalize(downloads ? from : to);
  if (contract.mounts.some((mount) => path === mount.path || path.startsWith(`${mount.path}/`))) {
    return failure(400, "invalid_args", "Volumes are not copied from or to local disks.");
  }
  const { localCopies } = call.world;
  const door = localCopies ? await localCopies.open(contract, !downloads) : { missing: "SSH (--no-ssh, or no Linux)" };
  if ("missing" in door) {
    return failure(501, "not_covered", `copies with a local disk need ${door.missing}, which the simulator lacks`);
  }
  const { address, port } = door;
  return success({
    msg: STARTED,
    ...(downloads ? { src_addr: address, src_port: port } : { dst_addr: address, dst_port: port }),
  });
}

/** An instance or a volume and an S3 connection (vast-api.md 5.2): the same work as a cloud copy. */
function startThroughCloud(call: Call, source: Side, target: Side): boolean {
  const [local, cloud] = source.kind === "place" ? [source, target] : [target, source];
  if (local.kind !== "place" || cloud.kind !== "cloud") return false;
  const { contract, volume, path } = local.place;
  const disk = contract ? instanceDisk(call.world, contract) : volume && volumeDisk(call.world, volume);
  if (!disk) return false;
  const [bucket = "", ...rest] = cloud.path.replace(/^\/+/, "").split("/");
  startCopy(call.world, disk, {
    direction: source.kind === "place" ? "to cloud" : "from cloud",
    connection: cloud.connection,
    localPath: path,
    bucket,
    key: rest.join("/").replace(/\/+$/, ""),
    flags: [],
    direct: true,
  });
  return true;
}

function cancel(call: Call): Reply {
  const stranger = strangerIn(call);
  if (stranger) return stranger;
  const id = String(call.body.dst_id ?? "");
  const name = /^\d+$/.test(id) ? `C.${id}` : id;
  if (!/^[CV]\.\d+$/.test(name)) return failure(400, "invalid_args", "Invalid dst_id.");
  const found = side(call, name, "/");
  if ("status" in found) return found;
  cancelDirectCopies(call.world, name);
  const intoIt = (request: CopyRequest) => request.direct === true && request.direction === "from cloud";
  cancelCopies(call.world, name, "cancelled by the user", intoIt);
  return success();
}

/** A new volume with the old one's content, on whichever machine offers it. */
function cloneVolume(call: Call): Reply {
  const source = side(call, `V.${String(call.body.src_id).replace(/^V\./, "")}`, "/");
  if ("status" in source || source.kind !== "place" || !source.place.volume) {
    return failure(404, "no_such_volume", "Volume with that ID does not exist.");
  }
  const machine = call.world.volumeAsks.get(Number(call.body.dst_id));
  const sizeGb = Number(call.body.size ?? source.place.volume.sizeGb);
  if (!machine?.online || freeOnAsk(call.world, machine) < sizeGb || sizeGb < source.place.volume.sizeGb) {
    return failure(400, "invalid_args", `Volume offer ${String(call.body.dst_id)} cannot hold ${sizeGb} GB.`);
  }
  const { label } = source.place.volume;
  const volume = rentVolume(call.world, call.account, machine, { sizeGb, label });
  const target: Place = { name: `V.${volume.id}`, machine, contract: null, volume, path: "/" };
  startDirectCopy(call.world, source.place, target);
  return success({ volume_name: `V.${volume.id}` });
}

const LIMIT = { minIntervalS: 3.5 };

export const directCopyEndpoints = [
  endpoint({
    method: "PUT",
    path: "/api/v0/commands/copy_direct/",
    chapter: "5.1",
    scope: "instance_write",
    limit: LIMIT,
    coverage:
      "simplified: between instances, volumes, s3 and local disks; other clouds answer 501; with a local disk, room is " +
      "checked when rsync is done, and links are kept with a prefix",
    handle: copy,
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/commands/rsync/",
    chapter: "5.1",
    scope: "instance_write",
    coverage: "complete: the same as copy_direct with a local side",
    handle: copy,
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/commands/copy_direct/",
    chapter: "5.1",
    scope: "instance_write",
    limit: LIMIT,
    coverage: "complete",
    handle: cancel,
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/volumes/copy/",
    chapter: "4",
    scope: "instance_write",
    coverage: "complete; compression has no effect",
    handle: cloneVolume,
  }),
];
