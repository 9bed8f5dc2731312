import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success } from "../http/replies.ts";

const MAX_SECRETS = 100;
const MAX_CHARS = 4096;

function nameOf(call: Call): string | undefined {
  const { key } = call.body;
  // Names are upper-cased by the service (vast-api.md 6.4).
  return typeof key === "string" && key !== "" ? key.toUpperCase() : undefined;
}

function valueProblem(value: unknown): Reply | undefined {
  if (typeof value !== "string") return failure(400, "missing_input", "Missing value.");
  if (value === "") return failure(400, "empty_input", "Value is empty.");
  if (value.length > MAX_CHARS) return failure(400, "input_too_long", `Value is longer than ${MAX_CHARS} characters.`);
  if (!/^[a-zA-Z0-9_\-.]+$/.test(value)) return failure(400, "invalid_characters", "Value has invalid characters.");
  return undefined;
}

function add(call: Call): Reply {
  const name = nameOf(call);
  if (name === undefined) return failure(400, "missing_input", "Missing key.");
  const problem = valueProblem(call.body.value);
  if (problem) return problem;
  if (call.account.secrets.has(name))
    return failure(400, "existing_key", `Environment variable ${name} exists already.`);
  if (call.account.secrets.size >= MAX_SECRETS) return failure(400, "max_secrets", "Too many environment variables.");
  call.account.secrets.set(name, String(call.body.value));
  return success({ msg: "Environment variable added successfully" });
}

function change(call: Call): Reply {
  const name = nameOf(call);
  if (name === undefined) return failure(400, "missing_input", "Missing key.");
  const problem = valueProblem(call.body.value);
  if (problem) return problem;
  if (!call.account.secrets.has(name))
    return failure(400, "nonexistent_key", `There is no environment variable ${name}.`);
  call.account.secrets.set(name, String(call.body.value));
  return success({ msg: "Environment variable updated successfully" });
}

function remove(call: Call): Reply {
  const name = nameOf(call);
  if (name === undefined || !call.account.secrets.delete(name)) {
    return failure(400, "nonexistent_key", `There is no environment variable ${name ?? ""}.`);
  }
  return success({ msg: "Environment variable deleted successfully" });
}

const PATH = "/api/v0/secrets/";

export const secretEndpoints = [
  endpoint({
    method: "GET",
    path: PATH,
    chapter: "6.4",
    scope: "user_read",
    limit: { minIntervalS: 5 },
    coverage: "complete",
    handle: (call) =>
      success({ secrets: Object.fromEntries([...call.account.secrets.keys()].map((name) => [name, "*****"])) }),
  }),
  endpoint({
    method: "POST",
    path: PATH,
    chapter: "6.4",
    scope: "user_write",
    limit: { minIntervalS: 3 },
    coverage: "complete",
    handle: add,
  }),
  endpoint({
    method: "PUT",
    path: PATH,
    chapter: "6.4",
    scope: "user_write",
    limit: { minIntervalS: 3 },
    coverage: "complete",
    handle: change,
  }),
  endpoint({
    method: "DELETE",
    path: PATH,
    chapter: "6.4",
    scope: "user_write",
    limit: { minIntervalS: 3 },
    coverage: "complete",
    handle: remove,
  }),
];
