import { createHash } from "node:crypto";
import { execute } from "../gnu/execute.ts";
import { BadCommandError } from "../gnu/words.ts";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success, text } from "../http/replies.ts";
import type { Contract } from "../world/types.ts";
import { isId, ownContract } from "./instance-access.ts";

const MAX_COMMAND_CHARS = 512;
const DEFAULT_LOG_LINES = 1000;
/** Virtual seconds until the host has uploaded a result. */
const UPLOAD_S: readonly [number, number] = [0.5, 2.5];

/** Where a result will be, once the host has uploaded it; the name cannot be guessed. */
function publish(call: Call, contract: Contract, kind: string, result: string): string {
  const draw = call.world.random.once(`result ${kind} ${contract.id} ${call.world.nextNumber("result")}`);
  const name = createHash("sha256").update(draw.hex(32)).digest("hex");
  call.world.results.put(`${name}.log`, call.now + draw.between(...UPLOAD_S), result);
  return `${call.baseUrl}/vast.ai/instance_logs/${name}.log`;
}

function runCommand(call: Call): Reply {
  if (!isId(call.params.id)) return failure(400, "invalid_container_id", "Invalid container id.");
  const contract = ownContract(call, call.params.id);
  if (!contract) return failure(400, "invalid_container", "Invalid container.");
  if (call.account.standing.blacklisted) {
    return failure(403, "not_authorized", "You are not authorized to execute commands.");
  }
  const { command } = call.body;
  if (typeof command !== "string" || command.trim() === "" || command.length > MAX_COMMAND_CHARS) {
    return failure(400, "invalid_args", "Invalid command given.");
  }
  const msg = "Command is executing, wait a few seconds and then view the result_url";
  const target = { instanceId: contract.id, label: contract.label, account: call.account.id };
  const fault = call.world.faults.strike(["execute"], ["status", "truncate", "delay"], target);
  try {
    // An offline host runs nothing: the result never comes.
    const lost = fault?.kind === "status" || !call.world.machineOf(contract).online;
    const output = lost ? "" : execute(call.world, contract, command);
    const told = fault?.kind === "truncate" ? output.slice(0, Math.floor(output.length / 2)) : output;
    const result_url = lost
      ? `${call.baseUrl}/vast.ai/instance_logs/${call.world.random.stream("lost results").hex(64)}.log`
      : publish(call, contract, "execute", told);
    call.world.record("execute", { contract: contract.id, command });
    return success({ writeable_path: call.world.disks.writeablePath(contract.id), result_url, msg });
  } catch (error) {
    if (error instanceof BadCommandError) return failure(400, "invalid_args", "Invalid command given.");
    throw error;
  }
}

function requestLogs(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) {
    const foreign = isId(call.params.id) && call.world.contracts.get(Number(call.params.id))?.destroyedAt === null;
    return foreign
      ? failure(403, "not_authorized", "You are not authorized to view the logs of this instance.")
      : failure(404, "invalid_id", "Invalid instance id.");
  }
  const { tail, filter } = call.body;
  const daemon = String(call.body.daemon_logs) === "true";
  const count = tail === undefined || tail === null ? DEFAULT_LOG_LINES : Number(tail);
  if (!Number.isInteger(count) || count < 0) return failure(400, "invalid_args", "tail must be a whole number.");
  const lines = daemon ? contract.daemonLog : contract.containerLog;
  const kept = typeof filter === "string" ? lines.filter((line) => line.includes(filter)) : lines;
  const result = kept.slice(kept.length - Math.min(count, kept.length)).join("\n");
  return success({
    result_url: publish(call, contract, "logs", `${result}\n`),
    msg: "Instance logs are being uploaded, wait a few seconds and then view the result_url",
  });
}

const NO_SUCH_KEY =
  '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>';

export const commandEndpoints = [
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/command/{id}/",
    chapter: "3.5",
    scope: "instance_write",
    limit: { minIntervalS: 1.5 },
    coverage: "complete: ls, du and rm with the GNU options that matter, written in JavaScript; no shell",
    badBody: failure(483, "invalid_args", "Invalid json_body"),
    handle: runCommand,
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/request_logs/{id}/",
    chapter: "3.5",
    scope: "instance_read",
    coverage: "complete",
    handle: requestLogs,
  }),
  endpoint({
    method: "GET",
    path: "/vast.ai/instance_logs/{name}/",
    chapter: "3.5",
    auth: "none",
    scope: "misc",
    coverage: "complete: stands for the public bucket behind result_url",
    handle: (call) => {
      const result = call.world.results.get(call.params.name ?? "", call.now);
      return result === undefined ? text(404, NO_SUCH_KEY, "application/xml") : text(200, result);
    },
  }),
];
