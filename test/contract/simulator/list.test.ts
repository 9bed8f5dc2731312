import { expect, test } from "vitest";
import { InstancePage } from "./schemas.ts";
import { type Bench, bench, CREATE, isRunning } from "./support.ts";

async function fleet(vast: Bench, count: number): Promise<number[]> {
  const offers = await vast.offers({ num_gpus: { eq: 1 }, limit: count * 3 });
  const ids: number[] = [];
  for (const offer of offers) {
    if (ids.length === count) break;
    const label = ids.length % 3 === 0 ? undefined : `worker-${ids.length % 3}`;
    const answer = await vast.call("PUT", `/api/v0/asks/${offer.id}/`, { ...CREATE, label });
    if (answer.status === 200) ids.push(answer.body.new_contract);
  }
  expect(ids).toHaveLength(count);
  return ids;
}

async function list(vast: Bench, query: Record<string, unknown> = {}) {
  const parameters = Object.entries(query).map(([key, value]) => {
    const text = typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
    return `${key}=${encodeURIComponent(text).replaceAll("%20", "+")}`;
  });
  return vast.call("GET", `/api/v1/instances/?${parameters.join("&")}`);
}

test("a page has the document's envelope and rows, in every state", async () => {
  await using vast = await bench();
  const [first] = await fleet(vast, 4);
  await vast.until(first as number, isRunning);
  const page = InstancePage.parse((await list(vast)).body);
  expect(page).toMatchObject({ instances_found: 4, total_instances: 4, next_token: null });
  expect(page.label_counts).toEqual({ "": 2, "worker-1": 1, "worker-2": 1 });
});

test("pages of 25 follow the token, without gaps or repeats, while contracts come and go", async () => {
  await using vast = await bench({ offers: 900 });
  const ids = await fleet(vast, 60);
  const seen: number[] = [];
  let token: string | null = null;
  for (let page = 0; page < 10; page += 1) {
    // biome-ignore lint/suspicious/noExplicitAny: rows of every shape.
    const body: Record<string, any> = (await list(vast, token ? { after_token: token } : {})).body;
    expect(body.instances.length).toBeLessThanOrEqual(25);
    seen.push(...body.instances.map((row: { id: number }) => row.id));
    if (page === 0) {
      await vast.call("DELETE", `/api/v0/instances/${ids[0]}/`);
      await vast.step(10);
    }
    token = body.next_token;
    if (token === null) break;
  }
  expect(seen).toEqual(ids);
});

test.each([
  [undefined, 25],
  [100, 25],
  [7, 7],
  [0, 5],
  [-3, 5],
])("limit %s gives %i rows", async (limit, count) => {
  await using vast = await bench();
  await fleet(vast, 30);
  expect((await list(vast, limit === undefined ? {} : { limit })).body.instances).toHaveLength(count);
});

test("order_by sorts, any direction but desc ascending, and the token keeps to it", async () => {
  await using vast = await bench();
  await fleet(vast, 12);
  const order_by = [{ col: "machine_id", dir: "desc" }];
  const first = (await list(vast, { order_by, limit: 5 })).body;
  const rest = (await list(vast, { order_by, limit: 25, after_token: first.next_token })).body;
  const machines = [...first.instances, ...rest.instances].map((row: { machine_id: number }) => row.machine_id);
  expect(machines).toHaveLength(12);
  expect(machines).toEqual([...machines].sort((a, b) => b - a));
  const ascending = (await list(vast, { order_by: [{ col: "id", dir: "sideways" }] })).body.instances;
  expect(ascending[0].id).toBeLessThan(ascending[1].id);
});

test("select_cols picks columns and answers unknown ones with null", async () => {
  await using vast = await bench();
  await fleet(vast, 1);
  const [row] = (await list(vast, { select_cols: ["id", "label", "volume_info", "no_such_thing"] })).body.instances;
  expect(row).toEqual({ id: expect.any(Number), label: null, volume_info: [], no_such_thing: null });
});

test("select_filters work on stored columns", async () => {
  await using vast = await bench();
  const ids = await fleet(vast, 6);
  const total = async (select_filters: unknown) => (await list(vast, { select_filters })).body.total_instances;
  expect(await total({ label: { eq: "worker-1" } })).toBe(2);
  expect(await total({ label: { in: [null] } })).toBe(2);
  expect(await total({ label: { notin: ["worker-1"] } })).toBe(4);
  expect(await total({ id: { gte: ids[3] } })).toBe(3);
  await vast.until(ids[0] as number, isRunning);
  expect(await total({ actual_status: { in: ["running"] } })).toBeGreaterThan(0);
});

test.each([
  [{ select_filters: { dph_total: { gt: 1 } } }, "invalid_request", "dph_total is not a valid search key"],
  [{ select_filters: { num_gpus: { eq: 1 } } }, "invalid_request", "num_gpus is not a valid search key"],
  [{ order_by: [{ col: "nonsense", dir: "asc" }] }, "invalid_request", "nonsense"],
  [{ select_filters: "{broken" }, "invalid_request", "select_filters"],
  [{ after_token: "!!!" }, "invalid_token", "Invalid pagination token"],
  [
    { after_token: Buffer.from('{"values":{"label":1}}').toString("base64") },
    "invalid_token",
    "Invalid pagination token",
  ],
])("the query %j is a 400 %s", async (query, error, message) => {
  await using vast = await bench();
  const answer = await list(vast, query);
  expect(answer).toMatchObject({ status: 400, body: { error } });
  expect(answer.body.msg).toContain(message);
});

test("the v0 list is gone, and says where to", async () => {
  await using vast = await bench();
  expect(await vast.call("GET", "/api/v0/instances/")).toMatchObject({
    status: 410,
    body: {
      success: false,
      error: "deprecated_endpoint",
      msg: "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead.",
    },
  });
});

test("filters are the distinct combinations present", async () => {
  await using vast = await bench();
  await fleet(vast, 3);
  const { filters } = (await vast.call("GET", "/api/v0/instances/filters/")).body;
  expect(filters.length).toBeGreaterThan(0);
  expect(Object.keys(filters[0]).sort()).toEqual(["actual_status", "gpu_name", "verification"]);
});

test("show answers null for what is not there and 400 for what is no id", async () => {
  await using vast = await bench();
  expect(await vast.call("GET", "/api/v0/instances/123/?owner=me")).toMatchObject({
    status: 200,
    body: { instances: null },
  });
  expect(await vast.call("GET", "/api/v0/instances/abc/")).toMatchObject({
    status: 400,
    body: { error: "invalid_args" },
  });
});
