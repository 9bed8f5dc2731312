import { expect, test } from "vitest";
import { type Bench, bench, CREATE, isRunning } from "./support.ts";

const USER = "/api/v0/users/current/";
const fault = async (vast: Bench, spec: Record<string, unknown>) => {
  const answer = await vast.admin("POST", "/admin/faults", spec);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body.id as number;
};

test("a status fault strikes as often as it says, with the body it says", async () => {
  await using vast = await bench();
  const body = { success: false, error: "boom", msg: "out of order" };
  await fault(vast, { endpoint: "GET /api/v0/users/current/", kind: "status", status: 503, body, times: 2 });
  expect(await vast.call("GET", USER)).toMatchObject({ status: 503, body });
  expect((await vast.call("GET", USER)).status).toBe(503);
  expect((await vast.call("GET", USER)).status).toBe(200);
});

test("times null lasts until the fault is removed", async () => {
  await using vast = await bench();
  const id = await fault(vast, { endpoint: "*", kind: "status", status: 500, times: null });
  for (let call = 0; call < 3; call += 1) expect((await vast.call("GET", USER)).status).toBe(500);
  expect((await vast.admin("GET", "/admin/faults")).body).toMatchObject([{ id, struck: 3 }]);
  await vast.admin("DELETE", `/admin/faults/${id}`);
  expect((await vast.call("GET", USER)).status).toBe(200);
});

test("a connection dropped before the effect leaves nothing; dropped after it, the contract exists", async () => {
  await using vast = await bench();
  const [first, second] = await vast.offers({ num_gpus: { eq: 1 } });
  const endpoint = "PUT /api/v0/asks/{id}/";
  const total = async () => (await vast.call("GET", "/api/v1/instances/")).body.total_instances;
  await fault(vast, { endpoint, kind: "drop-before" });
  await expect(vast.call("PUT", `/api/v0/asks/${first?.id}/`, CREATE)).rejects.toThrow();
  expect(await total()).toBe(0);
  await fault(vast, { endpoint, kind: "drop-after" });
  await expect(vast.call("PUT", `/api/v0/asks/${second?.id}/`, CREATE)).rejects.toThrow();
  expect(await total()).toBe(1);
});

test("bodies can be cut short, of another shape, or a page of HTML", async () => {
  await using vast = await bench();
  const endpoint = "GET /api/v0/users/current/";
  await fault(vast, { endpoint, kind: "truncate" });
  await expect(vast.call("GET", USER)).rejects.toThrow();
  await fault(vast, { endpoint, kind: "wrong-shape", body: [] });
  expect((await vast.call("GET", USER)).body).toEqual([]);
  await fault(vast, { endpoint, kind: "html" });
  expect(await vast.call("GET", USER)).toMatchObject({ status: 403, type: "text/html" });
});

test("a delay waits in virtual time", async () => {
  await using vast = await bench();
  await fault(vast, { endpoint: "GET /api/v0/users/current/", kind: "delay", seconds: 30 });
  let answered = false;
  const call = vast.call("GET", USER).then((answer) => {
    answered = true;
    return answer;
  });
  await expect.poll(async () => (await vast.admin("GET", "/admin/clock")).body.pendingEvents).toBeGreaterThan(0);
  await vast.step(29);
  expect(answered).toBe(false);
  await vast.step(1);
  expect((await call).status).toBe(200);
});

test("a stale list shows what was, an omitted instance is missing from it, and null hides it from show", async () => {
  await using vast = await bench();
  const old = await vast.rent();
  await fault(vast, { endpoint: "GET /api/v1/instances/", kind: "stale-list" });
  const young = await vast.rent();
  const ids = async () =>
    (await vast.call("GET", "/api/v1/instances/")).body.instances.map((row: { id: number }) => row.id);
  expect(await ids()).toEqual([old]);
  expect(await ids()).toEqual([old, young]);
  await fault(vast, { endpoint: "GET /api/v1/instances/", kind: "omit-from-list", match: { instanceId: old } });
  expect(await ids()).toEqual([young]);
  await fault(vast, { endpoint: "GET /api/v0/instances/{id}/", kind: "null-instance", match: { instanceId: old } });
  expect(await vast.show(old)).toBeNull();
  expect(await vast.show(old)).not.toBeNull();
});

test("a match limits a fault to labels that begin so", async () => {
  await using vast = await bench();
  const spared = await vast.rent({ label: "other" });
  const struck = await vast.rent({ label: "fleet-a-0" });
  await fault(vast, {
    endpoint: "DELETE /api/v0/instances/{id}/",
    kind: "status",
    status: 502,
    match: { label: "fleet-a" },
  });
  expect((await vast.call("DELETE", `/api/v0/instances/${spared}/`)).status).toBe(200);
  expect((await vast.call("DELETE", `/api/v0/instances/${struck}/`)).status).toBe(502);
  expect((await vast.call("DELETE", `/api/v0/instances/${struck}/`)).status).toBe(200);
});

test("an offer can vanish or grow dearer between search and accept", async () => {
  await using vast = await bench();
  const endpoint = "PUT /api/v0/asks/{id}/";
  const [first, second] = await vast.offers({ num_gpus: { eq: 1 } });
  await fault(vast, { endpoint, kind: "offer-gone" });
  expect((await vast.call("PUT", `/api/v0/asks/${first?.id}/`, CREATE)).body.msg).toContain("no_such_ask");
  await fault(vast, { endpoint, kind: "price-rise", body: 2 });
  const dearer = (await vast.call("PUT", `/api/v0/asks/${second?.id}/`, CREATE)).body.new_contract;
  expect((await vast.show(dearer)).dph_base).toBeCloseTo(Number(second?.dph_base) * 2, 10);
});

test.each([
  ["pull-stuck", "loading"],
  ["boot-fail", "created"],
  ["cuda-mismatch", "created"],
  ["host-offline", "offline"],
] as const)("the boot fault %s ends as %s", async (kind, actual) => {
  await using vast = await bench();
  await fault(vast, { endpoint: "boot", kind, match: { label: "dud" } });
  const id = await vast.rent({ label: "dud-0" });
  await vast.step(3000);
  expect(await vast.show(id)).toMatchObject({ actual_status: actual });
  const healthy = await vast.rent({ label: "dud-1" });
  await vast.until(healthy, isRunning);
});

test("faults with nonsense in them are refused and say why", async () => {
  await using vast = await bench();
  for (const [spec, message] of [
    [{ endpoint: "GET /nowhere/", kind: "status" }, /neither a route/],
    [{ kind: "explode" }, /kind/],
    [{ kind: "status", times: 0 }, /times/],
    [{ kind: "status", unheard: 1 }, /unheard/i],
  ] as const) {
    const answer = await vast.admin("POST", "/admin/faults", spec);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(message);
  }
});
