import { expect, test } from "vitest";
import { InstanceRow } from "./schemas.ts";
import { type Bench, bench, CREATE, hasExited, isRunning } from "./support.ts";

/** Every state a row goes through, as the four fields, with runs of the same removed. */
async function watch(vast: Bench, id: number, seconds: number): Promise<string[]> {
  const seen: string[] = [];
  for (let passed = 0; passed < seconds; passed += 1) {
    const row = await vast.show(id);
    InstanceRow.parse(row);
    const state = [row.actual_status, row.intended_status, row.cur_state, row.next_state].join(" ");
    if (seen.at(-1) !== state) seen.push(state);
    await vast.step(1);
  }
  return seen;
}

async function running(vast: Bench, body: Record<string, unknown> = {}): Promise<number> {
  const id = await vast.rent(body);
  await vast.until(id, isRunning);
  return id;
}

const put = (vast: Bench, id: number, state: string) => vast.call("PUT", `/api/v0/instances/${id}/`, { state });

test("provisioning, loading, created, running, in that order, with the success line at the end", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  expect(await watch(vast, id, 120)).toEqual([
    " running running running",
    "loading running running running",
    "created running running running",
    "running running running running",
  ]);
  expect((await vast.show(id)).status_msg).toBe("success, running nvidia/cuda_12.2.0-base-ubuntu22.04/ssh");
});

test("a large image takes as long as the host's link needs, a second time on that machine it does not", async () => {
  await using vast = await bench();
  const image = "pytorch/pytorch:2.4.0-cuda12.1-cudnn9-devel";
  const query = { num_gpus: { eq: 1 }, gpu_frac: { lt: 1 }, inet_down: { lte: 300 } };
  const [offer] = await vast.offers(query);
  const rent = async () =>
    (await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, image })).body.new_contract as number;
  const first = await rent();
  await vast.step(60);
  expect(await vast.show(first)).toMatchObject({ actual_status: "loading" });
  expect((await vast.show(first)).status_msg).toMatch(/Downloading/);
  await vast.until(first, isRunning);
  await vast.call("DELETE", `/api/v0/instances/${first}/`);
  const second = await rent();
  await vast.step(20);
  expect(await vast.show(second)).toMatchObject({ actual_status: "running" });
});

test("stopping goes through running/stopped to exited, without ports and with stale metrics", async () => {
  await using vast = await bench();
  const id = await running(vast, { env: { VAST_SIM_WORKLOAD: "training" } });
  await vast.step(120);
  expect((await put(vast, id, "stopped")).body).toEqual({ success: true });
  expect(await watch(vast, id, 15)).toEqual(["running stopped running stopped", "exited stopped stopped stopped"]);
  const row = await vast.show(id);
  expect(row).toMatchObject({ direct_port_start: -1, uptime_mins: null, gpu_util: expect.any(Number) });
  expect(row).not.toHaveProperty("ports");
  expect(row.instance).toMatchObject({ gpuCostPerHour: 0, totalHour: row.storage_total_cost });
});

test("starting keeps exited for a while, then loads and runs; the rental's start stays", async () => {
  await using vast = await bench();
  const id = await running(vast);
  const before = await vast.show(id);
  await put(vast, id, "stopped");
  await vast.until(id, hasExited);
  expect((await put(vast, id, "running")).body).toEqual({ success: true });
  expect(await watch(vast, id, 60)).toEqual([
    "exited running running running",
    "loading running running running",
    "created running running running",
    "running running running running",
  ]);
  expect((await vast.show(id)).start_date).toBe(before.start_date);
});

test("a start without room answers 200 with success false, stays queued, and runs when there is room", async () => {
  await using vast = await bench();
  const id = await running(vast);
  await put(vast, id, "stopped");
  const row = await vast.until(id, hasExited);
  // Somebody else rents the very GPU this instance is bound to.
  const [offer] = await vast.offers({
    machine_id: { eq: row.machine_id },
    verified: {},
    limit: 100,
    num_gpus: { eq: 1 },
  });
  await vast.admin("POST", "/admin/accounts", { apiKey: "rival", credit: 50 });
  const rivals: number[] = [];
  for (const candidate of await vast.offers({ machine_id: { eq: row.machine_id }, limit: 100, num_gpus: { eq: 1 } })) {
    const taken = await vast.call("PUT", `/api/v0/asks/${candidate.id}/`, CREATE, "rival");
    if (taken.status === 200) rivals.push(taken.body.new_contract);
  }
  expect(offer).toBeDefined();
  expect(rivals.length).toBeGreaterThan(0);

  const refused = await put(vast, id, "running");
  expect(refused).toMatchObject({
    status: 200,
    body: {
      success: false,
      error: "resources_unavailable",
      msg: "Required resources are currently unavailable, state change queued.",
    },
  });
  expect(await watch(vast, id, 30)).toEqual(["exited running stopped running"]);
  for (const rival of rivals) await vast.call("DELETE", `/api/v0/instances/${rival}/`, undefined, "rival");
  await vast.until(id, isRunning);
});

test("a queued start is cancelled by a stop", async () => {
  await using vast = await bench();
  const id = await running(vast);
  const { machine_id } = await vast.show(id);
  await put(vast, id, "stopped");
  await vast.until(id, hasExited);
  await vast.admin("POST", `/admin/machines/${machine_id}/offline`);
  await put(vast, id, "running");
  expect(await vast.show(id)).toMatchObject({ intended_status: "running", next_state: "running" });
  await put(vast, id, "stopped");
  await vast.admin("POST", `/admin/machines/${machine_id}/online`);
  await vast.step(300);
  expect(await vast.show(id)).toMatchObject({ intended_status: "stopped", cur_state: "stopped" });
});

test("a reboot shows rebooting and keeps the GPU on the bill", async () => {
  await using vast = await bench();
  const id = await running(vast);
  expect((await vast.call("PUT", `/api/v0/instances/reboot/${id}/`, {})).body).toEqual({ success: true });
  const before = (await vast.admin("GET", "/admin/bill")).body.computeUsd;
  expect(await watch(vast, id, 20)).toEqual(["rebooting running running running", "running running running running"]);
  const after = (await vast.admin("GET", "/admin/bill")).body.computeUsd;
  expect(after - before).toBeCloseTo((20 / 3600) * Number((await vast.show(id)).dph_base), 10);
});

test("a recycle makes the container anew: its files are gone", async () => {
  await using vast = await bench();
  const id = await running(vast);
  await vast.admin("POST", `/admin/instances/${id}/write`, { path: "/workspace/model.pt", bytes: 100 });
  expect((await vast.call("PUT", `/api/v0/instances/recycle/${id}/`, {})).body).toEqual({ success: true });
  const states = await watch(vast, id, 40);
  expect(states[0]).toBe("recycling running running running");
  expect(states.at(-1)).toBe("running running running running");
  const listing = await vast.call("PUT", `/api/v0/instances/command/${id}/`, { command: "ls /workspace" });
  await vast.step(5);
  expect(await (await fetch(listing.body.result_url)).text()).toBe("");
});

test("an image that does not exist keeps loading with docker's error, then is stopped after some 7 minutes", async () => {
  await using vast = await bench();
  const id = await vast.rent({ image: "nobody/does-not-exist:latest" });
  const row = await vast.until(id, (r) => /manifest for/.test(String(r.status_msg)));
  expect(row).toMatchObject({ actual_status: "loading", intended_status: "running" });
  await vast.step(430);
  expect(await vast.show(id)).toMatchObject({ actual_status: "loading", intended_status: "stopped" });
});

test("a private image needs its login", async () => {
  await using vast = await bench();
  const image = "ghcr.io/private-lab/trainer:1";
  const denied = await vast.rent({ image });
  await vast.until(denied, (r) => /pull access denied/.test(String(r.status_msg)));
  const allowed = await vast.rent({ image, image_login: "-u me -p token ghcr.io" });
  await vast.until(allowed, isRunning);
});

test("an image that needs a newer CUDA than the driver's ends as created and stopped", async () => {
  await using vast = await bench();
  const image = "nvidia/cuda:13.1.0-base-ubuntu24.04";
  const id = await vast.rent({ image }, { num_gpus: { eq: 1 }, cuda_max_good: { lte: 12.8 } });
  const row = await vast.until(id, (r) => r.intended_status === "stopped");
  expect(row).toMatchObject({ actual_status: "created", cur_state: "stopped", next_state: "stopped" });
  expect(row.status_msg).toContain("unsatisfied condition: cuda>=13.1");
});

test("a crashed process leaves exited with the intention to run", async () => {
  await using vast = await bench();
  const id = await running(vast);
  await vast.admin("POST", `/admin/instances/${id}/crash`);
  expect(await watch(vast, id, 3)).toEqual(["exited running running running"]);
});

test("a stop that is on its way ends although the process dies before, or its container is made anew", async () => {
  await using vast = await bench();
  const crashed = await running(vast);
  await put(vast, crashed, "stopped");
  await vast.admin("POST", `/admin/instances/${crashed}/crash`);
  const recreated = await running(vast);
  await put(vast, recreated, "stopped");
  await vast.call("PUT", `/api/v0/instances/update_template/${recreated}/`, { id: recreated, onstart: "true" });
  await vast.step(10);
  for (const id of [crashed, recreated]) expect(await vast.show(id)).toMatchObject({ cur_state: "stopped" });
});

test("a silent host shows unknown, then offline; it bills nothing meanwhile, and comes back", async () => {
  await using vast = await bench();
  const id = await running(vast);
  const { machine_id } = await vast.show(id);
  await vast.admin("POST", `/admin/machines/${machine_id}/offline`);
  const before = (await vast.admin("GET", "/admin/bill")).body.totalUsd;
  await vast.step(100);
  expect(await vast.show(id)).toMatchObject({ actual_status: "unknown", cur_state: "running" });
  await vast.step(3600);
  expect(await vast.show(id)).toMatchObject({ actual_status: "offline", intended_status: "running" });
  expect((await vast.admin("GET", "/admin/bill")).body.totalUsd).toBe(before);
  await vast.admin("POST", `/admin/machines/${machine_id}/online`);
  await vast.until(id, isRunning);
  expect((await vast.admin("GET", "/admin/bill")).body.totalUsd).toBeGreaterThan(before);
});

test("a higher bid stops a lower one without notice, and it resumes when it has priority again", async () => {
  await using vast = await bench();
  await vast.admin("POST", "/admin/accounts", { apiKey: "rival", credit: 50 });
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const bid = (price: number, key?: string) =>
    vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { ...CREATE, price }, key);
  const floor = Number(offer?.min_bid);
  const mine = (await bid(floor * 1.1)).body.new_contract;
  await vast.until(mine, isRunning);
  const theirs = (await bid(floor * 1.5, "rival")).body.new_contract;
  expect(await vast.show(mine)).toMatchObject({
    actual_status: "exited",
    intended_status: "stopped",
    cur_state: "stopped",
    next_state: "stopped",
    is_bid: true,
  });
  expect(Number((await vast.show(mine)).min_bid)).toBeGreaterThan(floor * 1.5);

  await vast.call("DELETE", `/api/v0/instances/${theirs}/`, undefined, "rival");
  await vast.until(mine, isRunning);
});

test("raising the bid takes the GPU back", async () => {
  await using vast = await bench();
  await vast.admin("POST", "/admin/accounts", { apiKey: "rival", credit: 50 });
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const floor = Number(offer?.min_bid);
  const path = `/api/v0/asks/${offer?.id}/`;
  const mine = (await vast.call("PUT", path, { ...CREATE, price: floor * 1.1 })).body.new_contract;
  const theirs = (await vast.call("PUT", path, { ...CREATE, price: floor * 1.5 }, "rival")).body.new_contract;
  const raised = await vast.call("PUT", `/api/v0/instances/bid_price/${mine}/`, { client_id: "me", price: floor * 2 });
  expect(raised.body).toEqual({ success: true });
  await vast.until(mine, isRunning);
  const loser = (await vast.call("GET", `/api/v0/instances/${theirs}/`, undefined, "rival")).body.instances;
  expect(loser).toMatchObject({ cur_state: "stopped" });
});

test("an on-demand renter displaces any bid", async () => {
  await using vast = await bench();
  await vast.admin("POST", "/admin/accounts", { apiKey: "rival", credit: 50 });
  const [offer] = await vast.offers({ type: "bid", num_gpus: { eq: 1 } });
  const path = `/api/v0/asks/${offer?.id}/`;
  const mine = (await vast.call("PUT", path, { ...CREATE, price: 20 })).body.new_contract;
  await vast.until(mine, isRunning);
  expect((await vast.call("PUT", path, CREATE, "rival")).status).toBe(200);
  expect(await vast.show(mine)).toMatchObject({ cur_state: "stopped", actual_status: "exited" });
});

test("the end of the contract stops it for good, and its data go two days later", async () => {
  await using vast = await bench();
  const id = await vast.rent({}, { num_gpus: { eq: 1 }, duration: { lte: 86400 * 3 } });
  const { end_date, duration } = await vast.until(id, isRunning);
  expect(Number(duration)).toBeLessThan(86400 * 3);
  const { now } = (await vast.admin("GET", "/admin/clock")).body;
  await vast.step(Number(end_date) - now + 1);
  expect(await vast.show(id)).toMatchObject({
    actual_status: "exited",
    cur_state: "stopped",
    duration: expect.closeTo(-1, 3),
  });
  expect((await put(vast, id, "running")).status).toBe(400);
  await vast.step(48 * 3600);
  expect(await vast.show(id)).toBeNull();
});

test("a destroyed instance is null at once, still listed for some seconds, then gone", async () => {
  await using vast = await bench();
  const id = await running(vast);
  const dir = (await vast.admin("GET", "/admin/instances")).body[0].dir;
  expect((await vast.call("DELETE", `/api/v0/instances/${id}/`, {})).body).toEqual({ success: true });
  expect(await vast.show(id)).toBeNull();
  expect((await vast.call("GET", "/api/v1/instances/")).body.instances[0]).toMatchObject({ id, cur_state: "unloaded" });
  await vast.step(5);
  expect((await vast.call("GET", "/api/v1/instances/")).body.instances).toEqual([]);
  const again = await vast.call("DELETE", `/api/v0/instances/${id}/`, {});
  expect(again).toMatchObject({ status: 404, body: { success: false, error: "no_such_instance" } });
  const { existsSync } = await import("node:fs");
  expect(existsSync(dir)).toBe(false);
});
