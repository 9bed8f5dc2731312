import { z } from "zod";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, noSuchInstance, type Reply, success } from "../http/replies.ts";
import { ownContract } from "./instance-access.ts";

const Body = z.looseObject({
  container_registry: z.string().min(1),
  personal_repo: z.string().min(1),
  docker_login_user: z.string().min(1),
  docker_login_pass: z.string().min(1),
});

/** Keeps the container's files under the tag: an instance made from that image begins with them. */
function snapshot(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return noSuchInstance(call.params.id ?? "");
  const parsed = Body.safeParse(call.body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return failure(400, "invalid_args", `Invalid ${issue?.path.join(".")}: ${issue?.message}`);
  }
  if (!call.world.machineOf(contract).online) return failure(400, "invalid_args", "The host is offline.");
  const day = new Date(call.now * 1000).toISOString().replaceAll(/[-:]/g, "").slice(0, 15);
  const image = `${parsed.data.personal_repo}:instance_${contract.id}_at_${day}`;
  call.world.disks.keepSnapshot(contract, image);
  call.world.record("snapshot", { contract: contract.id, image });
  return success({ msg: `Snapshot of instance ${contract.id} is being pushed as ${image}` });
}

export const snapshotEndpoints = [
  endpoint({
    method: "POST",
    path: "/api/v0/instances/take_snapshot/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    coverage: "simplified: kept inside the simulator, where instances can be made from it; no registry is contacted",
    handle: snapshot,
  }),
];
