import { expect, test } from "vitest";
import { type Bench, bench, hasExited, isRunning } from "./support.ts";

const ROUTES: readonly [method: string, path: string][] = [
  ["PUT", "/api/v0/instances/1/"],
  ["DELETE", "/api/v0/instances/1/"],
  ["PUT", "/api/v0/instances/reboot/1/"],
  ["PUT", "/api/v0/instances/recycle/1/"],
  ["PUT", "/api/v0/instances/bid_price/1/"],
  ["PUT", "/api/v0/instances/update_template/1/"],
  ["GET", "/api/v0/instances/1/ssh/"],
  ["POST", "/api/v0/instances/1/ssh/"],
];

test.each(ROUTES)("%s %s of an unknown instance is no_such_instance", async (method, path) => {
  await using vast = await bench();
  const answer = await vast.call(method, path, method === "GET" ? undefined : { state: "stopped", price: 1 });
  expect(answer).toMatchObject({ status: 404, body: { success: false, error: "no_such_instance" } });
});

test("a label is set, echoed and shown, and cleared by an empty one", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  const answer = await vast.call("PUT", `/api/v0/instances/${id}/`, { label: "evening run" });
  expect(answer.body).toEqual({ success: true, msg: `label for ${id} set to 'evening run'` });
  expect((await vast.show(id)).label).toBe("evening run");
  const long = await vast.call("PUT", `/api/v0/instances/${id}/`, { label: "x".repeat(1025) });
  expect(long).toMatchObject({ status: 400, body: { error: "label_too_long" } });
  await vast.call("PUT", `/api/v0/instances/${id}/`, { label: "" });
  expect((await vast.show(id)).label).toBeNull();
});

test("a change without state or label is refused", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  for (const body of [{}, { state: "paused" }, { label: 7 }]) {
    expect((await vast.call("PUT", `/api/v0/instances/${id}/`, body)).status).toBe(400);
  }
});

test("bids are bounded, and null means a winning one", async () => {
  await using vast = await bench();
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const low = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { image: "ubuntu", disk: 8, price: 0.001 });
  const id = low.body.new_contract;
  const bid = (price: unknown) => vast.call("PUT", `/api/v0/instances/bid_price/${id}/`, { client_id: "me", price });
  expect(await bid(0)).toMatchObject({ status: 400, body: { msg: "Please set a bid price >= 0.001." } });
  expect((await bid(33)).status).toBe(400);
  expect((await bid(null)).body).toEqual({ success: true });
  const row = await vast.until(id, isRunning);
  expect(row.dph_base).toBe(offer?.min_bid);
});

test("an on-demand instance takes no bid", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  const answer = await vast.call("PUT", `/api/v0/instances/bid_price/${id}/`, { client_id: "me", price: 1 });
  expect(answer).toMatchObject({ status: 400, body: { error: "invalid_args" } });
});

test("update_template recreates the container in place: new image and env, same disk, ports and price", async () => {
  await using vast = await bench();
  const id = await vast.rent({ env: { A: "1", "-p 8000:8000": "1" } });
  await vast.until(id, isRunning);
  await vast.admin("POST", `/admin/instances/${id}/write`, { path: "/workspace/model.pt", bytes: 10 });
  const before = await vast.show(id);
  const answer = await vast.call("PUT", `/api/v0/instances/update_template/${id}/`, {
    id,
    image: "ubuntu:24.04",
    env: { B: "2" },
    onstart: "echo hello",
  });
  expect(answer.body.success).toBe(true);
  expect((await vast.show(id)).actual_status).toBe("loading");
  const after = await vast.until(id, isRunning);
  expect(after).toMatchObject({
    image_uuid: "ubuntu:24.04",
    onstart: "echo hello",
    extra_env: [
      ["B", "2"],
      ["-p 8000:8000", "1"],
    ],
    dph_base: before.dph_base,
    disk_space: before.disk_space,
    start_date: before.start_date,
  });
  const listing = await vast.call("PUT", `/api/v0/instances/command/${id}/`, { command: "ls /workspace" });
  await vast.step(5);
  expect(await (await fetch(listing.body.result_url)).text()).toBe("");
});

async function pair(vast: Bench): Promise<[number, number]> {
  return [await vast.rent(), await vast.rent()];
}

test("bulk stop and start work on every id", async () => {
  await using vast = await bench();
  const ids = await pair(vast);
  for (const id of ids) await vast.until(id, isRunning);
  expect((await vast.call("PUT", "/api/v0/instances/", { state: "stopped", ids })).body).toEqual({ success: true });
  for (const id of ids) await vast.until(id, hasExited);
  const started = await vast.call("POST", "/api/v0/instances/start", { IDs: ids });
  expect(started.body).toEqual({ success: true, msg: "Instances started successfully" });
  for (const id of ids) await vast.until(id, isRunning);
  const partly = await vast.call("PUT", "/api/v0/instances/", { state: "stopped", ids: [ids[0], 1] });
  expect(partly.body).toMatchObject({ success: false, msg: expect.stringContaining("1: ") });
});

test("bulk destroy is idempotent: gone ids count as done, six times over", async () => {
  await using vast = await bench();
  const ids = await pair(vast);
  for (let round = 0; round < 6; round += 1) {
    const answer = await vast.call("DELETE", "/api/v0/instances/", { instance_ids: [...ids, 1] });
    expect(answer).toMatchObject({ status: 200, body: { success: true } });
  }
  expect(await vast.show(ids[0])).toBeNull();
  expect(await vast.show(ids[1])).toBeNull();
});

test.each([
  ["POST", "/api/v0/instances/start/", {}, "missing_input"],
  ["POST", "/api/v0/instances/start/", { IDs: [] }, "empty_input"],
  ["POST", "/api/v0/instances/start/", { IDs: ["x"] }, "invalid_instance_id"],
  ["POST", "/api/v0/instances/start/", { IDs: [1] }, "invalid_instance_id"],
  ["DELETE", "/api/v0/instances/", {}, "invalid_args"],
  ["PUT", "/api/v0/instances/", { ids: [1] }, "invalid_args"],
])("%s %s with %j is a 400 %s", async (method, path, body, error) => {
  await using vast = await bench();
  expect(await vast.call(method, path, body)).toMatchObject({ status: 400, body: { success: false, error } });
});

test("ssh keys: an account without any answers 404, new instances carry those registered before them", async () => {
  await using vast = await bench();
  const none = await vast.call("GET", "/api/v0/ssh/");
  expect(none).toMatchObject({ status: 404, body: { msg: "No SSH keys found for the user." } });
  const publicKey = `ssh-ed25519 ${"A".repeat(68)} me`;
  const early = await vast.rent();
  const added = await vast.call("POST", "/api/v0/ssh/", { ssh_key: publicKey });
  expect(added.body).toMatchObject({ success: true, key: { id: expect.any(Number), public_key: publicKey } });
  const listed = (await vast.call("GET", "/api/v0/ssh/")).body;
  const { SshKeyRow } = await import("./schemas.ts");
  expect(listed).toHaveLength(1);
  SshKeyRow.parse(listed[0]);

  const late = await vast.rent();
  const keysOf = async (id: number) =>
    JSON.parse((await vast.call("GET", `/api/v0/instances/${id}/ssh/`)).body.ssh_keys);
  expect(await keysOf(early)).toEqual([]);
  expect(await keysOf(late)).toMatchObject([{ public_key: publicKey }]);

  const attached = await vast.call("POST", `/api/v0/instances/${early}/ssh/`, { ssh_key: publicKey });
  expect(attached.body).toEqual({ success: true, msg: "SSH key attached successfully" });
  const [{ id: keyId }] = await keysOf(early);
  const detached = await vast.call("DELETE", `/api/v0/instances/${early}/ssh/${keyId}/`);
  expect(detached.body).toEqual({ success: true, msg: "SSH key removed from instance." });
  const again = await vast.call("DELETE", `/api/v0/instances/${early}/ssh/${keyId}/`);
  expect(again).toMatchObject({ status: 404, body: { error: "no_such_ssh_key" } });

  const changed = await vast.call("PUT", `/api/v0/ssh/${listed[0].id}/`, {
    id: listed[0].id,
    ssh_key: `${publicKey}2`,
  });
  expect(changed.body.key.public_key).toBe(`${publicKey}2`);
  expect((await vast.call("DELETE", `/api/v0/ssh/${listed[0].id}/`)).body).toEqual({ success: true });
  expect((await vast.call("DELETE", `/api/v0/ssh/${listed[0].id}/`)).body).toMatchObject({ error: "no_ssh_key" });
  expect((await vast.call("POST", "/api/v0/ssh/", { ssh_key: "rubbish" })).body).toMatchObject({ error: "no_ssh_key" });
});
