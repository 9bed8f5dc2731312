import { expect, test } from "vitest";
import { z } from "zod";
import { type Bench, bench, CREATE, isRunning, START } from "./support.ts";

const DAY = 86_400;

const Charge = z.strictObject({
  start: z.number(),
  end: z.number(),
  type: z.enum(["instance", "volume"]),
  source: z.string(),
  description: z.string(),
  amount: z.number(),
  metadata: z.strictObject({ label: z.string().nullable(), template_id: z.int().nullable() }),
  items: z.array(
    z.strictObject({
      start: z.number(),
      end: z.number(),
      type: z.enum(["gpu", "disk", "bwd", "bwu"]),
      source: z.null(),
      description: z.string(),
      amount: z.number(),
      metadata: z.strictObject({}),
      items: z.array(z.never()),
    }),
  ),
});

const query = (filters: unknown, extra = "") =>
  `select_filters=${encodeURIComponent(JSON.stringify(filters))}&latest_first=false&limit=20&format=table${extra}`;

test("charges are the ledger by contract, rounded to a tenth of a cent, and lag behind usage", async () => {
  await using vast = await bench();
  const id = await vast.rent({ label: "billed" });
  const { dph_base, storage_total_cost } = await vast.until(id, isRunning);
  const charges = async () =>
    (await vast.call("GET", `/api/v0/charges/?${query({ day: { gte: START - DAY, lte: START + DAY } })}`)).body;
  expect((await charges()).total).toBe(0);
  await vast.step(7200);
  await vast.call("DELETE", `/api/v0/instances/${id}/`);
  await vast.step(1200);

  const body = await charges();
  expect(body).toMatchObject({ success: true, count: 1, total: 1, next_token: null });
  const [row] = z.array(Charge).parse(body.results);
  expect(row).toMatchObject({ type: "instance", source: `instance-${id}`, metadata: { label: "billed" } });
  const bill = (await vast.admin("GET", "/admin/bill")).body;
  expect(row?.amount).toBeCloseTo(bill.totalUsd, 3);
  const gpu = row?.items.find((item) => item.type === "gpu");
  expect(gpu?.description).toMatch(/^2\.\d{3} hours at \$\d+\.\d{3}\/hour$/);
  expect(gpu?.amount).toBeCloseTo(bill.computeUsd, 3);
  expect(Number(dph_base)).toBeGreaterThan(Number(storage_total_cost));
  const fetched = await vast.call("POST", "/api/v0/contracts/fetch/", { label: "billed", contract_ids: [id] });
  expect(fetched.body.contracts).toMatchObject([{ id }]);
  const user = (await vast.call("GET", "/api/v0/users/current/")).body;
  expect(user.credit).toBeCloseTo(1000 - bill.totalUsd, 9);
  expect(user.total_spend).toBeCloseTo(bill.totalUsd, 9);
});

test("charges without a range of days are a 400, invoices without one a 200 that failed", async () => {
  await using vast = await bench();
  const charges = await vast.call("GET", `/api/v0/charges/?${query({ day: { gte: 1 } })}`);
  expect(charges).toMatchObject({
    status: 400,
    body: { success: false, msg: "Must provide both 'day' gte and lte filters for instance charges" },
  });
  expect(await vast.call("GET", `/api/v1/invoices/?${query({})}`)).toEqual({
    status: 200,
    type: "application/json",
    body: { success: false, error: "Invalid date range", count: 0, total: 0, results: [], next_token: null },
  });
});

test("invoices list top-ups, page by page", async () => {
  await using vast = await bench();
  const { accounts } = (await vast.admin("GET", "/admin/state")).body;
  for (const usd of [5, 7]) {
    await vast.step(10);
    await vast.admin("POST", `/admin/accounts/${accounts[0].id}/credit`, { usd });
  }
  const span = { when: { gte: START - 1, lte: START + DAY } };
  const first = (await vast.call("GET", `/api/v1/invoices/?${query(span).replace("limit=20", "limit=2")}`)).body;
  expect(first.results.map((row: { amount: number }) => row.amount)).toEqual([-1000, -5]);
  expect(first.results[0]).toMatchObject({ type: "credit", items: [], metadata: { invoice_id: expect.any(Number) } });
  const rest = (await vast.call("GET", `/api/v1/invoices/?${query(span)}&after_token=${first.next_token}`)).body;
  expect(rest).toMatchObject({ count: 1, total: 3, next_token: null, results: [{ amount: -7 }] });
  const old = (
    await vast.call("GET", `/api/v0/users/me/invoices?owner=me&sdate=${START}&edate=${START + DAY}&inc_charges=true`)
  ).body;
  expect(old.invoices).toHaveLength(3);
  expect(old.current.credit).toBeCloseTo(1012, 6);
});

test("invoices are ordered by what order_by says, and by nothing else", async () => {
  await using vast = await bench();
  const { accounts } = (await vast.admin("GET", "/admin/state")).body;
  for (const usd of [7, 5]) await vast.admin("POST", `/admin/accounts/${accounts[0].id}/credit`, { usd });
  const list = (order: unknown) => {
    const filters = query({ when: { gte: START - 1, lte: START + DAY } }, `&order_by=${JSON.stringify(order)}`);
    return vast.call("GET", `/api/v1/invoices/?${filters}`);
  };
  const amounts = async (order: unknown) =>
    (await list(order)).body.results.map((row: { amount: number }) => row.amount);
  expect(await amounts([{ col: "amount_cents", dir: "asc" }])).toEqual([-5, -7, -1000]);
  expect(await amounts([{ col: "paid_on", dir: "asc" }])).toEqual([-1000, -7, -5]);
  for (const order of [[{ col: "colour" }], "when"]) {
    expect(await list(order)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  }
});

test("what an account owes grows until its buffer is used up; then instances and volumes are deleted", async () => {
  await using vast = await bench({ credit: 3 });
  const id = await vast.rent(
    { disk: 200 },
    { num_gpus: { eq: 1 }, duration: { gte: 90 * DAY }, disk_space: { gte: 400 } },
  );
  await vast.until(id, isRunning);
  const [ask] = (await vast.call("POST", "/api/v0/volumes/search/", {})).body.offers;
  await vast.call("PUT", "/api/v0/volumes/", { id: ask.id, size: 10 });
  const user = async () => (await vast.call("GET", "/api/v0/users/current/")).body;
  const left = async () => {
    const [{ instances }, { volumes }] = [
      { instances: (await vast.call("GET", "/api/v1/instances/")).body.total_instances },
      (await vast.call("GET", "/api/v0/volumes/")).body,
    ];
    return [instances, volumes.length];
  };
  while ((await user()).credit > 0) await vast.step(3600);
  expect(await vast.show(id)).toMatchObject({ cur_state: "stopped", intended_status: "stopped" });
  expect(await left()).toEqual([1, 1]);
  const events = async () => ((await vast.admin("GET", "/admin/events")).body as { kind: string }[]).map((e) => e.kind);
  for (let day = 0; day < 60 && !(await events()).includes("deleted-for-credit"); day += 1) await vast.step(DAY);
  await vast.step(60);
  expect(await left()).toEqual([0, 0]);
  const { credit } = await user();
  expect(credit).toBeLessThan(-1);
  await vast.step(30 * DAY);
  expect((await user()).credit).toBe(credit);
});

test("invoices are filtered by the service of their metadata", async () => {
  await using vast = await bench();
  const list = async (service: unknown) => {
    const filters = query({ when: { gte: START - 1, lte: START + DAY }, service });
    return vast.call("GET", `/api/v1/invoices/?${filters}`);
  };
  const [topUp] = (await list({})).body.results;
  const { service } = topUp.metadata;
  expect((await list({ in: ["transfer", service] })).body).toMatchObject({ count: 1, total: 1, results: [topUp] });
  expect((await list({ in: ["transfer"] })).body).toMatchObject({ count: 0, total: 0, next_token: null, results: [] });
  expect((await list({ neq: service })).body.total).toBe(0);
  expect(await list("transfer")).toMatchObject({ status: 400, body: { success: false, error: "invalid_request" } });
});

test("a scheduled job runs every hour at its minute, and only between its times", async () => {
  await using vast = await bench();
  const id = await vast.rent();
  await vast.until(id, isRunning);
  const body = {
    start_time: START,
    end_time: START + 3.5 * 3600,
    api_endpoint: `/api/v0/instances/reboot/${id}/`,
    request_method: "PUT",
    request_body: { instance_id: id },
    day_of_the_week: null,
    hour_of_the_day: null,
    frequency: "HOURLY",
    instance_id: id,
  };
  expect((await vast.call("POST", "/api/v0/commands/schedule_job/", body)).status).toBe(200);
  const [job] = (await vast.call("GET", "/api/v0/commands/schedule_job/")).body;
  expect(job).toMatchObject({ instance_id: id, frequency: "HOURLY", day_of_the_week: null, hour_of_the_day: null });
  const again = await vast.call("POST", "/api/v0/commands/schedule_job/", body);
  expect(again).toMatchObject({ status: 422, body: { scheduled_job_id: job.id } });

  await vast.step(6 * 3600);
  const events = (await vast.admin("GET", "/admin/events")).body;
  const runs = events.filter((event: { kind: string }) => event.kind === "scheduled-job");
  expect(runs.length).toBeGreaterThanOrEqual(3);
  expect(runs.length).toBeLessThanOrEqual(4);
  for (const run of runs) {
    expect(run).toMatchObject({ job: job.id, status: 200 });
    expect(Math.floor(run.at / 60) % 60).toBe(job.min_of_the_hour);
  }
  const daily = { ...body, frequency: "DAILY", hour_of_the_day: 5, end_time: START + 30 * DAY };
  expect((await vast.call("PUT", `/api/v0/commands/schedule_job/${job.id}/`, daily)).status).toBe(200);
  expect((await vast.call("GET", "/api/v0/commands/schedule_job/")).body[0]).toMatchObject({ hour_of_the_day: 5 });
  const removed = await vast.call("DELETE", `/api/v0/commands/schedule_job/${job.id}/`);
  expect(removed.body).toEqual({ success: true, msg: `Scheduled job ${job.id} deleted successfully` });
  expect((await vast.call("GET", "/api/v0/commands/schedule_job/")).body).toEqual([]);
});

test("templates: an identical one is the same, the hash follows the content, and a create merges with it", async () => {
  await using vast = await bench();
  const body = {
    name: "trainer",
    image: "ubuntu",
    tag: "24.04",
    env: "-e A=1 -e B=2 -p 8000:8000",
    onstart: "run",
    runtype: "ssh",
    ssh_direct: true,
  };
  const made = (await vast.call("POST", "/api/v0/template/", body)).body;
  expect(made.msg).toBe(`Template Created Successfully! New Template ID: ${made.template.id}`);
  expect((await vast.call("POST", "/api/v0/template/", body)).body.template).toEqual(made.template);
  const changed = (
    await vast.call("PUT", "/api/v0/template/", { ...body, onstart: "run more", hash_id: made.template.hash_id })
  ).body;
  expect(changed.template.id).toBe(made.template.id);
  expect(changed.template.hash_id).not.toBe(made.template.hash_id);
  const unset = { name: "plain", image: "ubuntu", runtype: "" };
  const plain = (await vast.call("POST", "/api/v0/template/", unset)).body.template;
  await vast.call("DELETE", "/api/v0/template/", { template_id: plain.id });
  const list = (await vast.call("GET", "/api/v0/template/")).body;
  expect(list).toMatchObject({
    success: true,
    templates_found: 1,
    templates: [{ name: "trainer", onstart: "run more" }],
  });

  const [offer] = await vast.offers({ num_gpus: { eq: 1 } });
  const created = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, {
    template_hash_id: changed.template.hash_id,
    disk: 10,
    env: { B: "mine" },
  });
  expect(await vast.show(created.body.new_contract)).toMatchObject({
    image_uuid: "ubuntu:24.04",
    onstart: "run more",
    template_name: "trainer",
    image_runtype: "ssh ssh_direc ssh_proxy",
    extra_env: [
      ["A", "1"],
      ["B", "mine"],
      ["-p 8000:8000", "1"],
    ],
  });
  expect((await vast.call("GET", "/api/v0/template/?select_filters=oops")).status).toBe(400);
  expect((await vast.call("DELETE", "/api/v0/template/", { template_id: changed.template.hash_id })).body.msg).toBe(
    "Invalid Template ID or User ID",
  );
  expect((await vast.call("DELETE", "/api/v0/template/", { template_id: made.template.id })).body.success).toBe(true);
});

test("environment variables are masked, upper-cased, and refused with the code of what is wrong", async () => {
  await using vast = await bench();
  const secret = (method: string, body: unknown) => vast.call(method, "/api/v0/secrets/", body);
  expect((await secret("POST", { key: "hf_token", value: "abc" })).body.msg).toBe(
    "Environment variable added successfully",
  );
  expect((await secret("GET", undefined)).body).toEqual({ success: true, secrets: { HF_TOKEN: "*****" } });
  for (const [method, body, error] of [
    ["POST", { key: "HF_TOKEN", value: "x" }, "existing_key"],
    ["POST", { value: "x" }, "missing_input"],
    ["PUT", { key: "NEW", value: "x" }, "nonexistent_key"],
    ["PUT", { key: "HF_TOKEN", value: "" }, "empty_input"],
    ["PUT", { key: "HF_TOKEN", value: "a b" }, "invalid_characters"],
    ["PUT", { key: "HF_TOKEN", value: "x".repeat(5000) }, "input_too_long"],
    ["DELETE", { key: "NEW" }, "nonexistent_key"],
  ] as const) {
    expect(await secret(method, body)).toMatchObject({ status: 400, body: { error } });
  }
  expect((await secret("PUT", { key: "hf_token", value: "def" })).body).toEqual({
    success: true,
    msg: "Environment variable updated successfully",
  });
  expect((await secret("DELETE", { key: "HF_TOKEN" })).body.msg).toBe("Environment variable deleted successfully");
});

async function limitedKey(vast: Bench, api: unknown): Promise<string> {
  const made = await vast.call("POST", "/api/v0/auth/apikeys/", { name: "limited", permissions: { api } });
  expect(made.body).toMatchObject({ id: expect.any(Number), key: expect.any(String), permissions: { api } });
  return made.body.key;
}

test("a key with scopes reaches its routes and gets 401 elsewhere, down to one command", async () => {
  await using vast = await bench();
  const reader = await limitedKey(vast, { instance_read: {} });
  expect((await vast.call("GET", "/api/v1/instances/", undefined, reader)).status).toBe(200);
  expect((await vast.call("DELETE", "/api/v0/instances/", { instance_ids: [1] }, reader)).status).toBe(401);
  expect((await vast.call("GET", "/api/v0/users/current/", undefined, reader)).status).toBe(401);
  const copier = await limitedKey(vast, { instance_write: { "api.commands.rclone": { POST: {} } } });
  expect((await vast.call("POST", "/api/v0/commands/rclone/", {}, copier)).status).toBe(400);
  expect((await vast.call("PUT", "/api/v0/asks/1/", CREATE, copier)).status).toBe(401);
  const minter = await limitedKey(vast, { user_write: {} });
  const wider = await vast.call(
    "POST",
    "/api/v0/auth/apikeys/",
    { name: "x", permissions: { api: { misc: {} } } },
    minter,
  );
  expect(wider.status).toBe(401);
});

test("keys are listed with their permissions spelt out, deleted with a bare string, and reset", async () => {
  await using vast = await bench();
  await limitedKey(vast, { misc: {} });
  const given = { name: "given", permissions: { api: { misc: {} } }, key_params: "as given" };
  await vast.call("POST", "/api/v0/auth/apikeys/", given);
  const { apikeys } = (await vast.call("GET", "/api/v0/auth/apikeys/")).body;
  expect(apikeys.map((key: { key_params: unknown }) => key.key_params)).toEqual([null, null, "as given"]);
  expect(Object.keys(apikeys[0].permissions.api)).toContain("billing_read");
  expect((await vast.call("GET", `/api/v0/auth/apikeys/${apikeys[1].id}/`)).body).toEqual(apikeys[1]);
  expect((await vast.call("GET", "/api/v0/auth/apikeys/999/")).status).toBe(404);
  expect((await vast.call("POST", "/api/v0/auth/apikeys/", { name: "x" })).body.error).toBe("missing_permissions");
  expect((await vast.call("POST", "/api/v0/auth/apikeys/", { permissions: { api: { root: {} } } })).body.error).toBe(
    "invalid_permissions",
  );
  expect(typeof (await vast.call("DELETE", `/api/v0/auth/apikeys/${apikeys[1].id}/`)).body).toBe("string");
  const { new_api_key } = (await vast.call("PUT", "/api/v0/commands/reset_apikey/", { client_id: "me" })).body;
  expect((await vast.call("GET", "/api/v0/users/current/")).body.error).toBe("auth_error");
  expect((await vast.call("GET", "/api/v0/users/current/", undefined, new_api_key)).status).toBe(200);
});

test("subaccounts, profile, addresses and the audit log", async () => {
  await using vast = await bench();
  const made = await vast.call("POST", "/api/v0/users/", {
    username: "child",
    email: "child@example.com",
    parent_id: "me",
  });
  expect(made.body.success).toBe(true);
  expect((await vast.call("POST", "/api/v0/users/", { username: "child", email: "x@example.com" })).status).toBe(409);
  expect((await vast.call("GET", "/api/v0/subaccounts?owner=me")).body.users).toMatchObject([{ username: "child" }]);
  expect((await vast.call("PUT", "/api/v0/users/", { fullname: "Ada" })).body.success).toBe(true);
  expect((await vast.call("GET", "/api/v0/users/current/")).body.fullname).toBe("Ada");
  expect((await vast.call("GET", "/api/v0/users/me/ipaddrs?owner=me")).body.results).toHaveLength(1);
  const audit = (await vast.call("GET", "/api/v0/audit_logs/")).body;
  expect(audit.at(-1)).toMatchObject({ api_route: "PUT /api/v0/users/", args: { fullname: "Ada" } });
});

test("launch rents the first match and names it as text; bulk create answers per offer", async () => {
  await using vast = await bench();
  const launched = await vast.call("PUT", "/api/v0/launch_instance/", {
    q: { rented: { eq: false }, gpu_name: { eq: "RTX 4090" }, order: [["dph_total", "asc"]], limit: 3 },
    num_gpus: 1,
    image: "ubuntu",
    disk: 16,
  });
  expect(launched.body).toMatchObject({ success: true, new_contract: expect.stringMatching(/^\d+$/) });
  expect(await vast.show(Number(launched.body.new_contract))).toMatchObject({ gpu_name: "RTX 4090", num_gpus: 1 });
  const none = await vast.call("PUT", "/api/v0/launch_instance/", {
    q: { gpu_name: { eq: "GTX 1" } },
    image: "ubuntu",
  });
  expect(none.status).toBe(404);
  const [offer] = await vast.offers({ num_gpus: { eq: 1 } });
  const bulk = await vast.call("POST", "/api/v0/asks/bulk/", { ...CREATE, ids: [offer?.id, 1] });
  expect(bulk.body).toMatchObject({ success: false, results: [{ success: true }, { success: false, ask_id: 1 }] });
});

test("a reservation lowers the price, is paid from the deposit, and is refunded less discount and fee", async () => {
  await using vast = await bench({ credit: 5000 });
  const id = await vast.rent({}, { num_gpus: { eq: 1 }, duration: { gte: 60 * DAY } });
  const { dph_base } = await vast.until(id, isRunning);
  const month = Number(dph_base) * 720;
  const credit = async () => (await vast.call("GET", "/api/v0/users/current/")).body.credit as number;
  const before = await credit();
  const paid = await vast.call("PUT", `/api/v0/instances/prepay/${id}/`, { amount: month });
  expect(paid.body).toMatchObject({
    success: true,
    timescale: expect.closeTo(1, 6),
    discount_rate: expect.closeTo(0.2, 6),
  });
  expect(await credit()).toBeCloseTo(before - month, 3);
  await vast.step(10 * DAY);
  const enjoyed = Number(dph_base) * 0.2 * 240;
  const balance = (await vast.call("GET", `/api/v0/instances/balance/${id}/?owner=me`)).body;
  expect(balance.total_discount).toBeCloseTo(enjoyed, 3);
  expect(balance.refundable_deposit).toBeCloseTo(month - Number(dph_base) * 0.8 * 240, 3);
  const disk = Number((await vast.show(id)).storage_total_cost) * 240;
  await vast.call("DELETE", `/api/v0/instances/${id}/`);
  const used = Number(dph_base) * 0.8 * 240;
  expect(await credit()).toBeCloseTo(before - used - enjoyed * 1.05 - disk, 2);
  expect((await vast.call("PUT", "/api/v0/instances/prepay/1/", { amount: 5 })).status).toBe(400);
});

test("a reservation ends with its deposit: full price from then on", async () => {
  await using vast = await bench({ credit: 5000 });
  const id = await vast.rent({}, { num_gpus: { eq: 1 }, duration: { gte: 60 * DAY } });
  const dph = Number((await vast.until(id, isRunning)).dph_base);
  await vast.call("PUT", `/api/v0/instances/prepay/${id}/`, { amount: dph * 720 });
  const before = (await vast.admin("GET", "/admin/bill")).body.computeUsd;
  await vast.step(50 * DAY);
  // 720 h worth of money at 0.8 of the price last 900 h; the other 300 h cost the full price.
  const spent = (await vast.admin("GET", "/admin/bill")).body.computeUsd - before;
  expect(spent).toBeCloseTo(dph * (720 + 300), 4);
});

test("more money than there is cannot be reserved", async () => {
  await using vast = await bench({ credit: 5 });
  const id = await vast.rent();
  const answer = await vast.call("PUT", `/api/v0/instances/prepay/${id}/`, { amount: 50 });
  expect(answer).toMatchObject({ status: 411, body: { msg: "Insufficient credit" } });
});

test("a host's wish for more is listed, accepted for the time after the end, or rejected", async () => {
  await using vast = await bench();
  const id = await vast.rent({}, { num_gpus: { eq: 1 }, duration: { lte: 3 * DAY } });
  const row = await vast.until(id, isRunning);
  await vast.admin("POST", `/admin/instances/${id}/price-increase`, { factor: 1.5 });
  const pending = (await vast.call("GET", "/api/v0/instances/pending-price-increases/")).body;
  expect(pending).toMatchObject({ success: true, count: 1, truncated: false });
  const [increase] = pending.pending_price_increases;
  expect(increase.new_gpu_costpersec * 3600).toBeCloseTo(Number(row.dph_base) * 1.5, 9);
  const second = await vast.rent();
  await vast.admin("POST", `/admin/instances/${second}/price-increase`, {});
  const other = (await vast.call("GET", "/api/v0/instances/pending-price-increases/")).body.pending_price_increases[1];
  const rejected = await vast.call("PUT", "/api/v0/instances/reject-price-increase/", {
    pending_price_increase_id: other.pending_price_increase_id,
  });
  expect(rejected.body).toEqual({ success: true });
  expect((await vast.call("GET", "/api/v0/instances/pending-price-increases/")).body.count).toBe(1);
  const accept = (body: unknown) => vast.call("PUT", "/api/v0/instances/accept-price-increase/", body);
  expect((await accept({ pending_price_increase_id: 99 })).body.error).toBe("no_pending_price_increase");
  expect((await accept({ pending_price_increase_id: increase.pending_price_increase_id, extra: 1 })).status).toBe(400);
  expect((await accept({ pending_price_increase_id: increase.pending_price_increase_id })).body.success).toBe(true);
  expect(Number((await vast.show(id)).end_date)).toBeGreaterThan(Number(row.end_date));
  expect((await vast.show(id)).dph_base).toBe(row.dph_base);
  await vast.step(Number(row.duration) + 10);
  expect((await vast.show(id)).dph_base).toBeCloseTo(Number(row.dph_base) * 1.5, 9);
});

test("credit at zero stops what runs; disks go on into the negative; a top-up lets it start again", async () => {
  await using vast = await bench({ credit: 0.5 });
  const id = await vast.rent({ disk: 50 });
  await vast.until(id, isRunning);
  await vast.step(20 * 3600);
  expect(await vast.show(id)).toMatchObject({
    actual_status: "exited",
    cur_state: "stopped",
    intended_status: "stopped",
  });
  const user = (await vast.call("GET", "/api/v0/users/current/")).body;
  expect(user.credit).toBeLessThan(0);
  const refused = await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "running" });
  expect(refused).toMatchObject({ status: 400, body: { error: "missing_billing" } });
  await vast.admin("POST", `/admin/accounts/${user.id}/credit`, { usd: 10 });
  await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "running" });
  await vast.until(id, isRunning);
});
