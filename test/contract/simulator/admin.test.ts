import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startSimulator } from "../../../simulator/server.ts";
import { bench, isRunning, KEY } from "./support.ts";

test("the admin side wants its token, and a renter's key is none", async () => {
  await using vast = await bench();
  const { adminUrl } = vast.simulator;
  expect((await fetch(`${adminUrl}/admin/state`)).status).toBe(401);
  const wrong = await fetch(`${adminUrl}/admin/state`, { headers: { authorization: `Bearer ${KEY}` } });
  expect(wrong.status).toBe(401);
  expect((await fetch(`${vast.simulator.url}/admin/state`)).status).toBe(501);
  expect((await vast.admin("GET", "/admin/nothing")).status).toBe(404);
});

test("requests are logged with route, status, account and virtual time, and can be cleared", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  await vast.step(10);
  await vast.call("GET", `/api/v0/instances/${id}/?owner=me`);
  await vast.call("GET", "/api/v0/users/current/", undefined, "stranger");
  const log = (await vast.admin("GET", "/admin/requests")).body;
  expect(log.at(-2)).toMatchObject({
    at: 1_793_000_010,
    method: "GET",
    route: "GET /api/v0/instances/{id}/",
    path: `/api/v0/instances/${id}/?owner=me`,
    status: 200,
    account: expect.any(Number),
    ms: expect.any(Number),
  });
  expect(log.at(-1)).toMatchObject({ status: 404, account: null });
  expect((await vast.admin("GET", "/admin/requests?since=1793000010")).body).toHaveLength(2);
  await vast.admin("DELETE", "/admin/requests");
  expect((await vast.admin("GET", "/admin/requests")).body).toEqual([]);
});

test("instances are shown with disk directory, running time and cost, destroyed ones on request", async () => {
  await using vast = await bench();
  const id = await vast.rent({ label: "w", env: { MARK: "abc" } });
  const { dph_base } = await vast.until(id, isRunning);
  await vast.step(3600);
  const [row] = (await vast.admin("GET", "/admin/instances")).body;
  expect(row).toMatchObject({ id, label: "w", env: [["MARK", "abc"]], everRan: true, destroyedAt: null });
  expect(existsSync(row.dir)).toBe(true);
  expect(row.runningSeconds).toBeGreaterThan(3599);
  expect(row.costUsd).toBeGreaterThan(Number(dph_base));
  await vast.call("DELETE", `/api/v0/instances/${id}/`);
  expect((await vast.admin("GET", "/admin/instances")).body).toEqual([]);
  const [gone] = (await vast.admin("GET", "/admin/instances?all=1")).body;
  expect(gone.destroyedAt).toBeGreaterThan(1_793_000_000);
  const bill = (await vast.admin("GET", "/admin/bill")).body;
  expect(bill.byInstance[id].totalUsd).toBe(gone.costUsd);
  expect(bill.totalUsd).toBeCloseTo(bill.computeUsd + bill.diskUsd + bill.bandwidthUsd + bill.volumeUsd, 12);
});

test("a workload writes checkpoints and a log as time passes, and resumes from the newest after a restart", async () => {
  await using vast = await bench();
  await vast.admin("POST", "/admin/workloads", {
    match: { label: "train-" },
    model: "training",
    checkpointEverySeconds: 100,
    checkpointBytes: 4096,
    keep: 2,
  });
  const id = await vast.rent({ label: "train-0" });
  await vast.until(id, isRunning);
  await vast.step(350);
  const [{ dir }] = (await vast.admin("GET", "/admin/instances")).body;
  const folder = join(dir, "workspace/checkpoints");
  expect(readdirSync(folder).sort()).toEqual(["step-001000.pt", "step-001500.pt"]);
  expect(readFileSync(join(folder, "step-001500.pt"))).toHaveLength(4096);

  await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "stopped" });
  await vast.step(1000);
  expect(readdirSync(folder)).toHaveLength(2);
  await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "running" });
  await vast.until(id, isRunning);
  await vast.step(110);
  expect(readdirSync(folder).sort()).toEqual(["step-001500.pt", "step-002000.pt"]);
  expect(readFileSync(join(dir, "workspace/train.log"), "utf8")).toContain("resumed from step-001500.pt");
});

test.each([
  ["oom", /CUDA out of memory/, "exited"],
  ["no-cuda", /No CUDA GPUs/, "exited"],
  ["disk-full", /No space left on device/, "exited"],
  ["hang", /saved step-001000/, "running"],
  ["slow-setup", /Collecting torch/, "running"],
  ["self-play", /batch 2: 7168 examples, \d\.\d games\/s, step=142, total_games=512/, "running"],
  ["idle", /started/, "running"],
] as const)("the workload %s says so in its log and ends as expected", async (model, line, actual) => {
  await using vast = await bench();
  const id = await vast.rent({ env: { VAST_SIM_WORKLOAD: model, VAST_SIM_CHECKPOINT_SECONDS: "50" } });
  await vast.until(id, isRunning);
  await vast.step(900);
  expect(await vast.show(id)).toMatchObject({ actual_status: actual, intended_status: "running" });
  const logs = await vast.call("PUT", `/api/v0/instances/request_logs/${id}/`, {});
  await vast.step(3);
  expect(await (await fetch(logs.body.result_url)).text()).toMatch(line);
});

test("the clock pauses, steps, jumps to the next event and changes speed", async () => {
  await using vast = await bench();
  const clock = (order: unknown) => vast.admin("POST", "/admin/clock", order);
  const { now } = (await clock({ step: 5.5 })).body;
  expect(now).toBe(1_793_000_005.5);
  await vast.rent();
  const before = (await vast.admin("GET", "/admin/clock")).body;
  const after = (await clock({ jump: true })).body;
  expect(after.now).toBe(before.nextEventAt);
  expect((await clock({ speed: 1000 })).body).toMatchObject({ speed: 1000, paused: true });
  await clock({ resume: true });
  await expect.poll(async () => (await vast.admin("GET", "/admin/clock")).body.now).toBeGreaterThan(after.now + 20);
  expect((await clock({ pause: true })).body.paused).toBe(true);
  for (const order of [{}, { speed: 0 }, { step: -1 }, { sideways: true }])
    expect((await clock(order)).status).toBe(400);
});

test("the same seed gives the same market and the same life, another seed another", async () => {
  const story = async (seed: number): Promise<string> => {
    await using vast = await bench({ seed });
    const ids = [await vast.rent({ env: { VAST_SIM_WORKLOAD: "training" } }), await vast.rent()];
    await vast.step(1800);
    await vast.call("PUT", `/api/v0/instances/${ids[0]}/`, { state: "stopped" });
    await vast.step(60);
    await vast.call("DELETE", `/api/v0/instances/${ids[1]}/`);
    await vast.step(60);
    return JSON.stringify((await vast.admin("GET", "/admin/events")).body);
  };
  const first = await story(1);
  expect(await story(1)).toBe(first);
  expect(await story(2)).not.toBe(first);
});

test("a port that is taken is an error, not a simulator without an admin side", async () => {
  await using vast = await bench();
  const port = Number(new URL(vast.simulator.url).port);
  await expect(startSimulator({ apiKey: "K", port })).rejects.toThrow(/EADDRINUSE/);
  await expect(startSimulator({ apiKey: "K", adminPort: port })).rejects.toThrow(/EADDRINUSE/);
});

test("a client that sleeps through the simulator waits no real time, and others' sleeps end in order", async () => {
  await using vast = await bench();
  const woke: string[] = [];
  const sleep = async (name: string, seconds: number): Promise<void> => {
    await vast.admin("POST", "/admin/clock", { wait: seconds });
    woke.push(name);
  };
  await Promise.all([sleep("week", 7 * 86_400), sleep("hour", 3600), sleep("day", 86_400)]);
  expect(woke).toEqual(["hour", "day", "week"]);
  expect((await vast.admin("GET", "/admin/clock")).body.now).toBeCloseTo(1_793_000_000 + 7 * 86_400, 3);
});
