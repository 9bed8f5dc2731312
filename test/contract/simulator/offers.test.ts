import { expect, test } from "vitest";
import { z } from "zod";
import { OfferRow } from "./schemas.ts";
import { type Bench, bench, CREATE } from "./support.ts";

const ANY = { verified: {}, rentable: {}, rented: {} };

async function search(vast: Bench, query: Record<string, unknown>) {
  const answer = await vast.call("POST", "/api/v0/bundles/", query);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body.offers as Record<string, number & string>[];
}

test("rows have the document's fields and types", async () => {
  await using vast = await bench();
  const rows = await search(vast, { limit: 600, ...ANY });
  expect(rows.length).toBeGreaterThan(300);
  z.array(OfferRow).parse(rows);
});

test("64 rows come by default, and the limit asked for otherwise", async () => {
  await using vast = await bench();
  expect(await search(vast, {})).toHaveLength(64);
  expect(await search(vast, { limit: 5 })).toHaveLength(5);
  expect((await search(vast, { limit: 225 })).length).toBe(225);
});

test("verified, rentable and not rented are what a search means when it does not say", async () => {
  await using vast = await bench();
  const rows = await search(vast, { limit: 1000 });
  expect(new Set(rows.map((row) => row.verification))).toEqual(new Set(["verified"]));
  expect(rows.every((row) => row.rentable)).toBe(true);
  const unverified = await search(vast, { verified: { eq: false }, limit: 1000 });
  expect(unverified.length).toBeGreaterThan(0);
  expect(unverified.some((row) => row.verification === "verified")).toBe(false);
});

test("values come as text and are read as the column's type", async () => {
  await using vast = await bench();
  const rows = await search(vast, {
    verified: { eq: "true" },
    num_gpus: { eq: "1" },
    reliability: { gt: "0.9" },
    gpu_ram: { gte: 24000 },
    gpu_name: { in: ["RTX 4090", "RTX 3090"] },
    limit: 500,
  });
  expect(rows.length).toBeGreaterThan(3);
  for (const row of rows) {
    expect(row).toMatchObject({ num_gpus: 1 });
    expect(["RTX 4090", "RTX 3090"]).toContain(row.gpu_name);
    expect(Number(row.reliability)).toBeGreaterThan(0.9);
    expect(Number(row.gpu_ram)).toBeGreaterThanOrEqual(24000);
  }
});

test.each([
  ["eq", 2, (n: number) => n === 2],
  ["neq", 1, (n: number) => n !== 1],
  ["gt", 2, (n: number) => n > 2],
  ["gte", 2, (n: number) => n >= 2],
  ["lt", 4, (n: number) => n < 4],
  ["lte", 4, (n: number) => n <= 4],
  ["in", [1, "8"], (n: number) => n === 1 || n === 8],
  ["notin", [1, 2], (n: number) => n !== 1 && n !== 2],
] as const)("the operator %s with %j", async (op, value, holds) => {
  await using vast = await bench();
  const all = await search(vast, { limit: 1000 });
  const rows = await search(vast, { num_gpus: { [op]: value }, limit: 1000 });
  expect(rows.length).toBe(all.filter((row) => holds(Number(row.num_gpus))).length);
  expect(rows.every((row) => holds(Number(row.num_gpus)))).toBe(true);
});

test("several conditions on one column hold together", async () => {
  await using vast = await bench();
  const rows = await search(vast, { dph_total: { gte: 0.2, lte: 0.4 }, limit: 1000 });
  expect(rows.every((row) => Number(row.dph_total) >= 0.2 && Number(row.dph_total) <= 0.4)).toBe(true);
});

test("countries are given by code, rows show place and code", async () => {
  await using vast = await bench();
  const rows = await search(vast, { geolocation: { in: ["US", "CA"] }, limit: 1000 });
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.every((row) => /, (US|CA)$/.test(String(row.geolocation)))).toBe(true);
});

test("duration, datacenter and driver_version are columns of searches", async () => {
  await using vast = await bench();
  const rows = await search(vast, {
    duration: { gte: 86400 * 10 },
    datacenter: { eq: true },
    driver_version: { gte: 550000000 },
    limit: 1000,
  });
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    expect(Number(row.duration)).toBeGreaterThanOrEqual(864000);
    expect(row.hosting_type).toBe(1);
    expect(Number(row.driver_vers)).toBeGreaterThanOrEqual(550000000);
  }
});

test("id matches nothing as a filter; ask_contract_id selects one offer", async () => {
  await using vast = await bench();
  const [first] = await search(vast, { limit: 1 });
  expect(await search(vast, { id: { eq: first?.id } })).toEqual([]);
  expect(await search(vast, { ask_contract_id: { eq: first?.id } })).toHaveLength(1);
});

test("names with underscores match nothing", async () => {
  await using vast = await bench();
  expect(await search(vast, { gpu_name: { eq: "RTX_4090" } })).toEqual([]);
});

test("order applies its keys in sequence", async () => {
  await using vast = await bench();
  const rows = await search(vast, {
    order: [
      ["num_gpus", "desc"],
      ["dph_total", "asc"],
    ],
    limit: 200,
  });
  for (let index = 1; index < rows.length; index += 1) {
    const [a, b] = [rows[index - 1], rows[index]] as [Record<string, number>, Record<string, number>];
    const inOrder =
      Number(a.num_gpus) > Number(b.num_gpus) ||
      (a.num_gpus === b.num_gpus && Number(a.dph_total) <= Number(b.dph_total));
    expect(inOrder).toBe(true);
  }
});

test("the disk asked for is priced into the row and demanded from the machine", async () => {
  await using vast = await bench();
  const [small] = await search(vast, { allocated_storage: 5, limit: 1, machine_id: { gte: 0 } });
  const [large] = await search(vast, { allocated_storage: 100, ask_contract_id: { eq: small?.id } });
  const disk = (gb: number) => (gb * Number(small?.storage_cost)) / 720;
  expect(small?.storage_total_cost).toBeCloseTo(disk(5), 12);
  expect(large?.storage_total_cost).toBeCloseTo(disk(100), 12);
  expect(large?.dph_total).toBeCloseTo(Number(large?.dph_base) + disk(100), 12);
  expect(await search(vast, { allocated_storage: 10_000_000 })).toEqual([]);
});

test("an interruptible search prices at the minimum bid, under the same ids", async () => {
  await using vast = await bench();
  const [offer] = await search(vast, { limit: 1 });
  const [bid] = await search(vast, { type: "bid", ask_contract_id: { eq: offer?.id } });
  expect(bid).toMatchObject({ id: offer?.id, is_bid: true });
  expect(bid?.dph_total).toBeCloseTo(Number(bid?.min_bid) + Number(bid?.storage_total_cost), 12);
  expect(Number(bid?.dph_total)).toBeLessThan(Number(offer?.dph_total));
  const [reserved] = await search(vast, { type: "reserved", ask_contract_id: { eq: offer?.id } });
  expect(Number(reserved?.discounted_dph_total)).toBeLessThan(Number(offer?.dph_total));
});

test("GET with q, and PUT search/asks with its two keys, answer the same rows", async () => {
  await using vast = await bench();
  const query = { gpu_name: { eq: "RTX 4090" }, order: [["id", "asc"]] };
  const rows = await search(vast, query);
  const q = encodeURIComponent(JSON.stringify(query));
  expect((await vast.call("GET", `/api/v0/bundles/?q=${q}`)).body.offers).toEqual(rows);
  expect((await vast.call("GET", `/api/v0/search/asks/?q=${q}`)).body.offers).toEqual(rows);
  expect((await vast.call("PUT", "/api/v0/search/asks/", { q: query, select_cols: ["*"] })).body.offers).toEqual(rows);
  const flat = await vast.call("PUT", "/api/v0/search/asks/", query);
  expect(flat).toMatchObject({ status: 400, body: { error: "bad_request" } });
  expect(flat.body.msg).toContain("Extra inputs are not permitted");
});

test.each([
  [{ gpu_name: "RTX 4090" }, /^q\.gpu_name: Input should be a valid dictionary/],
  [{ num_gpus: { about: 1 } }, /^q\.num_gpus\.about/],
  [{ num_gpus: { eq: "many" } }, /^q\.num_gpus: Input should be a valid number/],
  [{ num_gpus: { in: 1 } }, /^q\.num_gpus\.in: Input should be a valid list/],
  [{ type: "free" }, /^q\.type/],
  [{ order: "score" }, /^q\.order/],
])("the query %j is refused and the field named", async (query, message) => {
  await using vast = await bench();
  const answer = await vast.call("POST", "/api/v0/bundles/", query);
  expect(answer).toMatchObject({ status: 400, body: { success: false, error: "bad_request" } });
  expect(answer.body.msg).toMatch(message);
});

test("a body that is no JSON is refused", async () => {
  await using vast = await bench();
  const answer = await vast.call("POST", "/api/v0/bundles/", "{not json");
  expect(answer).toMatchObject({ status: 400, body: { error: "invalid_request", msg: "Invalid json body" } });
});

test("a rented slice leaves the search with all that overlap it, and comes back", async () => {
  await using vast = await bench();
  const [whole] = await search(vast, { num_gpus: { eq: 4 }, limit: 1, gpu_frac: { eq: 1 } });
  const machine = { machine_id: { eq: whole?.machine_id }, limit: 100 };
  const before = await search(vast, machine);
  const single = before.find((row) => Number(row.num_gpus) === 1);
  const created = await vast.call("PUT", `/api/v0/asks/${single?.id}/`, CREATE);
  const after = await search(vast, machine);
  expect(after.map((row) => row.id)).not.toContain(single?.id);
  expect(after.map((row) => row.id)).not.toContain(whole?.id);
  // The other three singles and the other pair are still there.
  expect(after.length).toBe(before.length - 3);

  const taken = await vast.call("PUT", `/api/v0/asks/${single?.id}/`, CREATE);
  expect(taken.status).toBe(410);
  await vast.call("DELETE", `/api/v0/instances/${created.body.new_contract}/`);
  expect((await search(vast, machine)).length).toBe(before.length);
});
