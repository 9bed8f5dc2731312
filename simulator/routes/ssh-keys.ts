import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, noSuchInstance, ok, type Reply, success } from "../http/replies.ts";
import type { SshKey } from "../world/types.ts";
import { ownContract } from "./instance-access.ts";

const KEY_SHAPE = /^(ssh-(rsa|ed25519|dss)|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/=]+( .*)?$/;

function keyRow(call: Call, key: SshKey): Record<string, unknown> {
  return {
    id: key.id,
    user_id: call.account.id,
    key: key.publicKey,
    public_key: key.publicKey,
    created_at: key.createdAt,
    deleted_at: null,
  };
}

function readKey(value: unknown): string | undefined {
  return typeof value === "string" && KEY_SHAPE.test(value.trim()) ? value.trim() : undefined;
}

/** Once the account has a team its keys are the team's (vast-api.md 6.2); the status is unverified. */
function unlessTeam(handle: (call: Call) => Reply): (call: Call) => Reply {
  return (call) =>
    call.account.standing.team === null
      ? handle(call)
      : failure(400, "team_ssh_keys_not_supported", "SSH keys of a team are not managed here.");
}

function list(call: Call): Reply {
  return call.account.sshKeys.length === 0
    ? failure(404, "not_found", "No SSH keys found for the user.")
    : ok(call.account.sshKeys.map((key) => keyRow(call, key)));
}

function create(call: Call): Reply {
  const publicKey = readKey(call.body.ssh_key);
  if (!publicKey) return failure(400, "no_ssh_key", "No SSH key provided.");
  const key: SshKey = { id: call.world.nextNumber("ssh-key"), publicKey, createdAt: call.now };
  call.account.sshKeys.push(key);
  return success({ key: keyRow(call, key) });
}

function update(call: Call): Reply {
  const key = call.account.sshKeys.find((candidate) => candidate.id === Number(call.params.id));
  const publicKey = readKey(call.body.ssh_key);
  if (!key || !publicKey) return failure(400, "no_ssh_key", "No SSH key found.");
  key.publicKey = publicKey;
  return success({ key: keyRow(call, key) });
}

function remove(call: Call): Reply {
  const before = call.account.sshKeys.length;
  call.account.sshKeys = call.account.sshKeys.filter((key) => key.id !== Number(call.params.id));
  return call.account.sshKeys.length < before ? success() : failure(400, "no_ssh_key", "No SSH key found.");
}

function listOfInstance(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return noSuchInstance(call.params.id ?? "");
  // A JSON string inside JSON (vast-api.md 3.5).
  const keys = contract.sshKeys.map(({ id, name, publicKey }) => ({ id, name, public_key: publicKey }));
  return success({ ssh_keys: JSON.stringify(keys) });
}

function attach(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return noSuchInstance(call.params.id ?? "");
  const publicKey = readKey(call.body.ssh_key);
  if (!publicKey) return failure(400, "invalid_args", "No valid SSH key provided.");
  const registered = call.account.sshKeys.find((key) => key.publicKey === publicKey);
  const id = registered?.id ?? call.world.nextNumber("ssh-key");
  if (!contract.sshKeys.some((key) => key.publicKey === publicKey)) {
    contract.sshKeys.push({ id, name: `key ${id}`, publicKey });
  }
  return success({ msg: "SSH key attached successfully" });
}

function detach(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return noSuchInstance(call.params.id ?? "");
  if (!call.world.machineOf(contract).online) {
    return failure(500, "delete_ssh_from_instance", "The instance's host did not answer.");
  }
  const before = contract.sshKeys.length;
  contract.sshKeys = contract.sshKeys.filter((key) => key.id !== Number(call.params.key));
  if (contract.sshKeys.length === before) {
    return failure(404, "no_such_ssh_key", `SSH key ${call.params.key} is not attached to this instance.`);
  }
  return success({ msg: "SSH key removed from instance." });
}

export const sshKeyEndpoints = [
  endpoint({
    method: "GET",
    path: "/api/v0/ssh/",
    chapter: "6.2",
    scope: "user_read",
    coverage: "complete",
    handle: unlessTeam(list),
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/ssh/",
    chapter: "6.2",
    scope: "user_write",
    limit: { minIntervalS: 1 },
    coverage: "complete: a new key reaches instances created later",
    handle: unlessTeam(create),
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/ssh/{id}/",
    chapter: "6.2",
    scope: "user_write",
    limit: { minIntervalS: 1 },
    coverage: "complete",
    handle: unlessTeam(update),
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/ssh/{id}/",
    chapter: "6.2",
    scope: "user_write",
    coverage: "complete",
    handle: unlessTeam(remove),
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/instances/{id}/ssh/",
    chapter: "3.5",
    scope: "instance_read",
    coverage: "complete",
    handle: listOfInstance,
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/instances/{id}/ssh/",
    chapter: "3.5",
    scope: "instance_write",
    coverage: "complete",
    handle: attach,
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/instances/{id}/ssh/{key}/",
    chapter: "3.5",
    scope: "instance_write",
    limit: { minIntervalS: 2 },
    coverage: "complete; the documented 500 comes while the host is offline (its cause is unknown)",
    handle: detach,
  }),
];
