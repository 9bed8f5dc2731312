import { posix } from "node:path";
import { z } from "zod";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, ok, type Reply, success } from "../http/replies.ts";
import { cancelCopies, startCopy } from "../world/copier.ts";
import { instanceDisk } from "../world/copy-disk.ts";
import { isId, ownContract } from "./instance-access.ts";

const CloudCopy = z.object({
  instance_id: z.union([z.string(), z.number()]),
  src: z.string().min(1),
  dst: z.string().min(1),
  selected: z.union([z.string(), z.number()]),
  transfer: z.string(),
  flags: z.array(z.string()).nullish(),
});

const CANCELLED = "Remote copy canceled - check instance status bar for progress updates (~30 seconds delayed).";

function startCloudCopy(call: Call): Reply {
  const parsed = CloudCopy.safeParse(call.body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return failure(400, "invalid_args", `Invalid ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { instance_id, src, dst, selected, transfer, flags } = parsed.data;
  const contract = ownContract(call, instance_id);
  if (!contract) return failure(400, "invalid_args", "Invalid instance_id.");
  const connection = call.world.connections.get(Number(selected));
  if (connection?.accountId !== call.account.id)
    return failure(400, "invalid_args", "Invalid cloud connection selected.");
  if (connection.cloudType !== "s3") {
    return failure(501, "not_covered", `copies with a connection of type ${connection.cloudType} are not covered`);
  }
  const kind = transfer.trim().toLowerCase();
  if (kind !== "instance to cloud" && kind !== "cloud to instance") {
    return failure(400, "invalid_args", "transfer must be 'Instance To Cloud' or 'Cloud To Instance'.");
  }
  const toCloud = kind === "instance to cloud";
  const remote = splitRemote(toCloud ? dst : src);
  if (!remote) return failure(400, "invalid_args", "S3 paths begin with the bucket name.");
  const localPath = posix.normalize(`/${toCloud ? src : dst}`);
  if (!toCloud && (localPath === "/" || localPath === "/root")) {
    return failure(400, "invalid_args", "Copying to / or /root is not allowed.");
  }
  const job = startCopy(call.world, instanceDisk(call.world, contract), {
    direction: toCloud ? "to cloud" : "from cloud",
    connection,
    localPath,
    ...remote,
    flags: flags ?? [],
  });
  return success({
    msg: "Cloud Copy initiated - check instance status bar for progress updates (~30 seconds delayed).",
    // 5.2: what the live result_url serves is unknown; here it stays empty.
    result_url: `${call.baseUrl}/vast.ai/instance_logs/rclone-${job.id}.log`,
  });
}

function splitRemote(path: string): { bucket: string; key: string } | undefined {
  const [bucket, ...rest] = path.replace(/^\/+/, "").split("/");
  return bucket ? { bucket, key: rest.join("/").replace(/\/+$/, "") } : undefined;
}

function cancelCloudCopy(call: Call): Reply {
  const id = String(call.body.dst_id ?? "").replace(/^C\./, "");
  if (!isId(id)) return failure(400, "invalid_args", "Invalid dst_id.");
  const contract = ownContract(call, id);
  if (!contract) return failure(404, "no_such_instance", "No such instance.");
  cancelCopies(call.world, `C.${contract.id}`, "cancelled by the user");
  return success({ msg: CANCELLED });
}

function listConnections(call: Call): Reply {
  const own = [...call.world.connections.values()].filter((connection) => connection.accountId === call.account.id);
  return ok(own.map(({ id, name, cloudType }) => ({ id, name, cloud_type: cloudType })));
}

export const copyEndpoints = [
  endpoint({
    method: "POST",
    path: "/api/v0/commands/rclone/",
    chapter: "5.2",
    scope: "instance_write",
    coverage: "complete for s3 connections, with real bytes; other services answer 501",
    handle: startCloudCopy,
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/commands/rclone/",
    chapter: "5.2",
    scope: "instance_write",
    coverage: "complete",
    handle: cancelCloudCopy,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/users/cloud_integrations/",
    chapter: "5.3",
    scope: "user_read",
    limit: { minIntervalS: 2.9 },
    coverage: "complete",
    handle: listConnections,
  }),
];
