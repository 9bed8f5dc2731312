import { expect, test } from "vitest";
import { type Bench, bench, CREATE, isRunning, KEY } from "./support.ts";

async function standing(vast: Bench, body: Record<string, unknown>): Promise<void> {
  const { accounts } = (await vast.admin("GET", "/admin/state")).body;
  const answer = await vast.admin("POST", `/admin/accounts/${accounts[0].id}/standing`, body);
  expect(answer.status).toBe(200);
}

async function accept(vast: Bench, body: Record<string, unknown> = {}) {
  const [offer] = await vast.offers({ num_gpus: { eq: 1 } });
  return vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, ...body });
}

test("a session without its second factor gets 401, an expired one 404, and neither is the answer to a bad key", async () => {
  await using vast = await bench();
  await standing(vast, { session: "second factor missing" });
  const locked = await vast.call("GET", "/api/v1/instances/");
  expect(locked).toMatchObject({ status: 401, body: { success: false, error: "auth_error" } });
  expect(locked.body.msg).toContain("Two Factor Authentication");
  await standing(vast, { session: "expired" });
  expect(await vast.call("GET", "/api/v1/instances/")).toMatchObject({
    status: 404,
    body: { success: false, error: "auth_error", msg: "Session expired. Please log in again." },
  });
  await standing(vast, { session: "good" });
  expect((await vast.call("GET", "/api/v1/instances/")).status).toBe(200);
});

test.each([[404], [401]] as const)(
  "a deleted key is answered %d as chosen, a stranger's 404 in any case",
  async (status) => {
    await using vast = await bench({ choices: { enforceRateLimits: false, deletedKeyStatus: status } });
    const made = await vast.call("POST", "/api/v0/auth/apikeys/", {
      name: "short",
      permissions: { api: { misc: {} } },
    });
    await vast.call("DELETE", `/api/v0/auth/apikeys/${made.body.id}/`);
    const deleted = await vast.call("GET", "/api/v0/audit_logs/", undefined, made.body.key);
    expect(deleted).toMatchObject({ status, body: { error: "auth_error", msg: "Invalid user key" } });
    expect((await vast.call("GET", "/api/v0/audit_logs/", undefined, "nobody's")).status).toBe(404);
  },
);

test.each([
  ["text", "API requests too frequent: endpoint threshold=1.0"],
  ["json", { success: false, error: "rate_limit_exceeded", msg: "API requests too frequent: endpoint threshold=1.0" }],
  ["detail", { detail: "API requests too frequent: endpoint threshold=1.0" }],
] as const)("a 429 comes as %s if that was chosen", async (tooFrequentBody, body) => {
  await using vast = await bench({ choices: { enforceRateLimits: true, tooFrequentBody } });
  await vast.call("GET", "/api/v1/instances/");
  expect(await vast.call("GET", "/api/v1/instances/")).toMatchObject({ status: 429, body });
});

test("an account without a verified address runs into spend_rate_limit, and its user says so", async () => {
  await using vast = await bench();
  await standing(vast, { emailVerified: false });
  expect((await vast.call("GET", "/api/v0/users/current/")).body.email_verified).toBe(false);
  expect(await accept(vast)).toMatchObject({ status: 400, body: { success: false, error: "spend_rate_limit" } });
  expect((await vast.call("GET", "/api/v1/instances/")).body.total_instances).toBe(0);
  await standing(vast, { emailVerified: true });
  expect((await accept(vast)).status).toBe(200);
});

test("a host's account rents its own machines only", async () => {
  await using vast = await bench();
  await standing(vast, { hostOnly: true });
  const refused = await accept(vast);
  expect(refused).toMatchObject({ status: 403, body: { error: "invalid_args", ask_id: expect.any(Number) } });
  expect(refused.body.msg).toMatch(
    /^error 403\/3586: Offer \d+ is not your own\. Hosts can only rent their own machines\.$/,
  );
});

test("a VM wants an SSH key in the account first, and is copied as a whole disk only", async () => {
  await using vast = await bench();
  expect(await accept(vast, { vm: true })).toMatchObject({ status: 400, body: { error: "no_ssh_key_for_vm" } });
  await vast.call("POST", "/api/v0/ssh/", { ssh_key: `ssh-ed25519 ${"A".repeat(68)} me` });
  const vm = (await accept(vast, { vm: true })).body.new_contract;
  const container = await vast.rent();
  for (const id of [vm, container]) await vast.until(id, isRunning);
  const copy = (body: Record<string, unknown>) =>
    vast.call("PUT", "/api/v0/commands/copy_direct/", { client_id: "me", ...body });
  expect(await copy({ src_id: vm, src_path: "/workspace", dst_id: container, dst_path: "/in" })).toMatchObject({
    status: 400,
    body: { error: "invalid_args", msg: "src_path not supported VMs." },
  });
  expect(await copy({ src_id: container, src_path: "/workspace", dst_id: `C.${vm}`, dst_path: "/in" })).toMatchObject({
    status: 400,
    body: { error: "invalid_args", msg: "dst_path not supported for VMs." },
  });
  expect((await copy({ src_id: vm, dst_id: container, dst_path: "/in" })).body.success).toBe(true);
});

test("copies name the user: me, one's own id, and nobody else", async () => {
  await using vast = await bench();
  const { id: userId } = (await vast.call("GET", "/api/v0/users/current/")).body;
  const id = await vast.rent();
  await vast.until(id, isRunning);
  const body = { src_id: id, src_path: "/workspace/", dst_id: id, dst_path: "/workspace/copy" };
  const copy = (client_id: unknown) => vast.call("PUT", "/api/v0/commands/copy_direct/", { ...body, client_id });
  expect((await copy(userId)).body.success).toBe(true);
  expect(await copy(userId + 1)).toMatchObject({ status: 404, body: { error: "no_such_user" } });
  const cancel = await vast.call("DELETE", "/api/v0/commands/copy_direct/", { client_id: 5, dst_id: String(id) });
  expect(cancel).toMatchObject({ status: 404, body: { error: "no_such_user" } });
  expect(
    await vast.call("PUT", "/api/v0/commands/copy_direct/", {
      client_id: "me",
      src_id: id,
      dst_id: id,
      dst_path: "/x",
    }),
  ).toMatchObject({ status: 400, body: { error: "invalid_args", msg: "Invalid src_path." } });
});

test("a key cannot be taken off an instance whose host does not answer", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  const { machine_id } = await vast.until(id, isRunning);
  await vast.call("POST", `/api/v0/instances/${id}/ssh/`, { ssh_key: `ssh-ed25519 ${"A".repeat(68)} me` });
  const [{ id: keyId }] = JSON.parse((await vast.call("GET", `/api/v0/instances/${id}/ssh/`)).body.ssh_keys);
  const detach = () => vast.call("DELETE", `/api/v0/instances/${id}/ssh/${keyId}/`);
  await vast.admin("POST", `/admin/machines/${machine_id}/offline`);
  expect(await detach()).toMatchObject({ status: 500, body: { success: false, error: "delete_ssh_from_instance" } });
  await vast.admin("POST", `/admin/machines/${machine_id}/online`);
  expect((await detach()).status).toBe(200);
});

test("an account with a team manages no SSH keys of its own", async () => {
  await using vast = await bench();
  await standing(vast, { team: "night shift" });
  for (const [method, path] of [
    ["GET", "/api/v0/ssh/"],
    ["POST", "/api/v0/ssh/"],
    ["PUT", "/api/v0/ssh/1/"],
    ["DELETE", "/api/v0/ssh/1/"],
  ] as const) {
    const answer = await vast.call(method, path, method === "GET" ? undefined : {});
    expect(answer, method).toMatchObject({ status: 400, body: { error: "team_ssh_keys_not_supported" } });
  }
  expect((await vast.call("GET", "/api/v0/auth/apikeys/")).body.apikeys[0].team_name).toBe("night shift");
});

test("a user on the black list executes nothing", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  await standing(vast, { blacklisted: true });
  const answer = await vast.call("PUT", `/api/v0/instances/command/${id}/`, { command: "ls" });
  expect(answer).toMatchObject({ status: 403, body: { success: false, error: "not_authorized" } });
});

test("a subaccount with a name or an address that is taken is user_exists", async () => {
  await using vast = await bench();
  const make = (username: string, email: string) => vast.call("POST", "/api/v0/users/", { username, email });
  expect((await make("child", "child@example.com")).status).toBe(200);
  for (const [username, email] of [
    ["child", "other@example.com"],
    ["other", "child@example.com"],
  ] as const) {
    expect(await make(username, email)).toMatchObject({ status: 409, body: { success: false, error: "user_exists" } });
  }
});

test("a hundred environment variables is as many as there may be", async () => {
  await using vast = await bench();
  const add = (count: number) => vast.call("POST", "/api/v0/secrets/", { key: `V${count}`, value: "x" });
  for (let count = 0; count < 100; count += 1) expect((await add(count)).status).toBe(200);
  expect(await add(100)).toMatchObject({ status: 400, body: { success: false, error: "max_secrets" } });
});

test("a reboot, a destroy and a recycle of what is no id each say so in their own way", async () => {
  await using vast = await bench();
  for (const [method, path, error, msg] of [
    ["PUT", "/api/v0/instances/reboot/x/", "invalid_args", "invalid instance_id"],
    ["DELETE", "/api/v0/instances/x/", "invalid_args", "invalid instance_id"],
    ["PUT", "/api/v0/instances/recycle/x/", "invalid_id", "Invalid instance id."],
  ] as const) {
    expect(await vast.call(method, path, {})).toMatchObject({ status: 400, body: { error, msg } });
  }
});

test("a prepayment of more than the credit is 411 without a code", async () => {
  await using vast = await bench({ credit: 10 });
  const id = await vast.rent();
  await vast.until(id, isRunning);
  const answer = await vast.call("PUT", `/api/v0/instances/prepay/${id}/`, { amount: 50 });
  expect(answer).toMatchObject({ status: 411, body: { success: false, msg: "Insufficient credit" } });
});

async function keyWith(vast: Bench, api: unknown): Promise<string> {
  const made = await vast.call("POST", "/api/v0/auth/apikeys/", { name: "limited", permissions: { api } });
  return made.body.key;
}

test("conditions of a key hold for arguments of the path, the query and the body", async () => {
  await using vast = await bench();
  const [mine, other] = [await vast.rent(), await vast.rent()];
  const key = await keyWith(vast, {
    instance_read: { "api.instances": { GET: { id: { eq: mine } } } },
    instance_write: { "api.instances.bid_price": { PUT: { constraints: { price: { lte: 0.5, gte: 0.1 } } } } },
  });
  const status = async (method: string, path: string, body?: unknown) =>
    (await vast.call(method, path, body, key)).status;
  expect(await status("GET", `/api/v0/instances/${mine}/?owner=me`)).toBe(200);
  expect(await status("GET", `/api/v0/instances/${other}/`)).toBe(401);
  // The path's own id counts, not one that is added to it.
  expect(await status("GET", `/api/v0/instances/${other}/?id=${mine}`)).toBe(401);
  const bid = (price: unknown) => status("PUT", `/api/v0/instances/bid_price/${mine}/`, { client_id: "me", price });
  expect(await bid(0.3)).toBe(400);
  expect(await bid(0.6)).toBe(401);
  expect(await bid(0.05)).toBe(401);
  expect(await bid(null)).toBe(401);
  expect(await status("PUT", `/api/v0/instances/bid_price/${mine}/`, {})).toBe(401);
  expect(await status("DELETE", `/api/v0/instances/${mine}/`)).toBe(401);
  // A condition nobody knows opens nothing.
  const odd = await keyWith(vast, { instance_read: { "api.instances": { id: { like: "%" } } } });
  expect((await vast.call("GET", `/api/v0/instances/${mine}/`, undefined, odd)).status).toBe(401);
});

test("a 403 page of HTML and a 500 come when a fault says so", async () => {
  await using vast = await bench();
  for (const kind of ["html", "status"]) await vast.admin("POST", "/admin/faults", { endpoint: "*", kind });
  const page = await vast.call("GET", "/api/v0/users/current/", undefined, KEY);
  expect(page.status).toBe(403);
  expect(page.body).toMatch(/^<html>/);
  expect(await vast.call("GET", "/api/v0/users/current/")).toMatchObject({ status: 500, body: { success: false } });
});
