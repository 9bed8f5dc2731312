import { expect, test } from "vitest";
import { InstanceRow } from "./schemas.ts";
import { type Bench, bench, CREATE, isRunning } from "./support.ts";

async function accept(vast: Bench, body: Record<string, unknown>, query: Record<string, unknown> = {}) {
  const [offer] = await vast.offers({ num_gpus: { eq: 1 }, ...query });
  return { offer, answer: await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, ...body }) };
}

test("accepting an offer answers the contract and its own key, and the row carries what was asked", async () => {
  await using vast = await bench();
  const { offer, answer } = await accept(vast, {
    label: "train-a-worker-0",
    disk: 20,
    env: { HF_HOME: "/workspace/hf", "-p 8000:8000": "1" },
    onstart: "bash /root/go.sh",
    runtype: "ssh_direc ssh_proxy",
  });
  expect(answer.body).toEqual({
    success: true,
    new_contract: expect.any(Number),
    instance_api_key: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const row = await vast.show(answer.body.new_contract);
  InstanceRow.parse(row);
  expect(row).toMatchObject({
    actual_status: null,
    intended_status: "running",
    cur_state: "running",
    next_state: "running",
    label: "train-a-worker-0",
    disk_space: 20,
    extra_env: [
      ["HF_HOME", "/workspace/hf"],
      ["-p 8000:8000", "1"],
    ],
    onstart: "bash /root/go.sh",
    image_runtype: "ssh ssh_direc ssh_proxy",
    is_bid: false,
    dph_base: offer?.dph_base,
    machine_id: offer?.machine_id,
    uptime_mins: null,
    gpu_util: null,
    disk_usage: -1,
    direct_port_start: -1,
  });
  expect(row.dph_total).toBeCloseTo(Number(offer?.dph_base) + (20 * Number(offer?.storage_cost)) / 720, 12);
  expect(row).not.toHaveProperty("ports");
  expect(row).not.toHaveProperty("volume_info");
});

test("what the official client sends, with nulls and falses for all it does not set, is accepted", async () => {
  await using vast = await bench();
  const { answer } = await accept(vast, {
    env: {},
    price: null,
    label: null,
    extra: null,
    onstart: null,
    image_login: null,
    python_utf8: false,
    lang_utf8: false,
    use_jupyter_lab: false,
    jupyter_dir: null,
    force: false,
    cancel_unavail: false,
    template_hash_id: null,
    user: null,
    runtype: "ssh_proxy",
  });
  expect(answer.body.success).toBe(true);
  expect(await vast.show(answer.body.new_contract)).toMatchObject({ label: null, is_bid: false });
});

test("docker flags in a string are the same as the object", async () => {
  await using vast = await bench();
  const { answer } = await accept(vast, { env: "-e A=b -p 8000:8000 -p 8081:8081/udp -h box" });
  expect((await vast.show(answer.body.new_contract)).extra_env).toEqual([
    ["A", "b"],
    ["-p 8000:8000", "1"],
    ["-p 8081:8081/udp", "1"],
    ["-h", "box"],
  ]);
});

test("ports open when it runs: requested ones and those of the runtype, as docker writes them", async () => {
  await using vast = await bench();
  const [offer] = await vast.offers({ num_gpus: { eq: 1 }, direct_port_count: { gte: 50 } });
  const created = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, {
    ...CREATE,
    runtype: "jupyter_direct",
    env: { "-p 8000:8000": "1", "-p 8082:8082/udp": "1", "-p 70001:70001": "1" },
  });
  const row = await vast.until(created.body.new_contract, isRunning);
  const ports = row.ports as Record<string, { HostIp: string; HostPort: string }[]>;
  const names = Object.keys(ports);
  expect(names).toEqual(expect.arrayContaining(["22/tcp", "8080/tcp", "8000/tcp", "8082/udp"]));
  // From 70000 on the inner number is the outer one.
  const identity = names.find((name) => ports[name]?.[0]?.HostPort === name.split("/")[0]);
  expect(identity).toBeDefined();
  expect(ports["22/tcp"]?.map((entry) => entry.HostIp)).toEqual(["0.0.0.0", "::"]);
  expect(Number(row.direct_port_start)).toBeGreaterThan(0);
});

test.each([
  [{ disk: 4 }, "invalid_args", /disk/],
  [{ price: 0.0001 }, "invalid_price", /bid price/],
  [{ price: 500 }, "invalid_price", /bid price/],
  [{ label: "x".repeat(257) }, "label_too_long", /label/],
  [{ onstart: "x".repeat(4097) }, "invalid_args", /onstart/],
  [{ runtype: "vnc" }, "invalid_args", /runtype/],
  [{ env: { A: "x".repeat(40_000) } }, "invalid_args", /env/],
  [{ disk: 9_000_000 }, "invalid_args", /disk/],
  [{ template_hash_id: "0".repeat(32) }, "invalid_args", /template/],
  [{ volume_info: { create_new: false, volume_id: 1, mount_path: "/data" } }, "no_such_volume", /Volume/],
] as const)("the body %j is refused with %s", async (body, error, message) => {
  await using vast = await bench();
  const { offer, answer } = await accept(vast, body);
  expect(answer).toMatchObject({ status: 400, body: { success: false, error, ask_id: offer?.id } });
  expect(answer.body.msg).toMatch(message);
  expect((await vast.call("GET", "/api/v1/instances/")).body.total_instances).toBe(0);
});

test("an offer that is not there, and one that is gone, both say no_such_ask", async () => {
  await using vast = await bench();
  const unknown = await vast.call("PUT", "/api/v0/asks/1/", CREATE);
  expect(unknown).toMatchObject({ status: 404, body: { success: false, error: "invalid_args", ask_id: 1 } });
  expect(unknown.body.msg).toBe("error 404/3603: no_such_ask Instance type by id 1 is not available.");

  const { offer, answer } = await accept(vast, {});
  expect(answer.status).toBe(200);
  const strict = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, cancel_unavail: true });
  expect(strict).toMatchObject({ status: 410, body: { error: "no_such_ask", ask_id: offer?.id } });
  const loose = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, cancel_unavail: false });
  expect(loose.status).toBe(404);
  expect(loose.body.msg).toContain("no_such_ask");

  const word = await vast.call("PUT", "/api/v0/asks/zero/", CREATE);
  expect(word).toMatchObject({ status: 400, body: { error: "invalid_args" } });
});

test("a bid below the minimum is an error that still leaves a stopped contract which bills its disk", async () => {
  await using vast = await bench();
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const low = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, price: Number(offer?.min_bid) / 2 });
  expect(low.status).toBe(400);
  expect(low.body).toMatchObject({ success: false, error: "invalid_price", new_contract: expect.any(Number) });
  const row = await vast.show(low.body.new_contract);
  expect(row).toMatchObject({
    actual_status: null,
    intended_status: "stopped",
    cur_state: "stopped",
    next_state: "stopped",
    is_bid: true,
    status_msg: null,
  });
  await vast.step(7200);
  const bill = (await vast.admin("GET", "/admin/bill")).body;
  expect(bill.computeUsd).toBe(0);
  expect(bill.diskUsd).toBeCloseTo(2 * Number(row.storage_total_cost), 12);

  const strict = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, {
    ...CREATE,
    price: Number(offer?.min_bid) / 2,
    cancel_unavail: true,
  });
  expect(strict.status).toBe(410);
  expect((await vast.call("GET", "/api/v1/instances/")).body.total_instances).toBe(1);
});

test("the other status for a too low bid can be switched on", async () => {
  await using vast = await bench({ choices: { enforceRateLimits: false, createdStoppedStatus: 200 } });
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const low = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, price: 0.001 });
  expect(low).toMatchObject({ status: 200, body: { success: false, new_contract: expect.any(Number) } });
});

test("a bid that wins runs at its own price, not at the offer's", async () => {
  await using vast = await bench();
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const price = Number(offer?.min_bid) * 1.2;
  const created = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, price });
  const row = await vast.until(created.body.new_contract, isRunning);
  expect(row).toMatchObject({ is_bid: true, dph_base: price });
});

test("a price left out rents on demand, whatever the search was for", async () => {
  await using vast = await bench();
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const created = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, CREATE);
  expect(await vast.show(created.body.new_contract)).toMatchObject({ is_bid: false, dph_base: offer?.dph_base });
});

test("a host that cannot start it now leaves a stopped contract unless that is ruled out", async () => {
  await using vast = await bench();
  await vast.admin("POST", "/admin/faults", { endpoint: "PUT /api/v0/asks/{id}/", kind: "no-room", times: 2 });
  const { answer } = await accept(vast, { cancel_unavail: false });
  expect(answer.body).toMatchObject({ success: false, new_contract: expect.any(Number) });
  expect(await vast.show(answer.body.new_contract)).toMatchObject({ actual_status: null, cur_state: "stopped" });
  const strict = await accept(vast, { cancel_unavail: true });
  expect(strict.answer.status).toBe(410);
});

test("target_state stopped makes a stopped instance that can be started", async () => {
  await using vast = await bench();
  const { answer } = await accept(vast, { target_state: "stopped" });
  const id = answer.body.new_contract;
  await vast.step(600);
  expect(await vast.show(id)).toMatchObject({ actual_status: null, cur_state: "stopped", intended_status: "stopped" });
  await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "running" });
  await vast.until(id, isRunning);
});

test("an account without credit cannot rent", async () => {
  await using vast = await bench({ credit: 1 });
  await vast.admin("POST", "/admin/accounts", { apiKey: "poor", credit: 0 });
  const [offer] = await vast.offers();
  const answer = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, CREATE, "poor");
  expect(answer).toMatchObject({ status: 400, body: { error: "insufficient_credit" } });
  expect(answer.body.msg).toBe("Your account lacks credit; see the billing page.");
});
