import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { VolumeOfferRow, VolumeRow } from "./schemas.ts";
import { type Bench, bench, CREATE, isRunning } from "./support.ts";

/** An instance offer and the volume offer of its machine. */
async function place(vast: Bench) {
  const offers = await vast.offers({ num_gpus: { eq: 1 }, limit: 300 });
  const offer = offers.find((row) => row.avail_vol_ask_id !== null);
  if (!offer) throw new Error("no machine offers a volume");
  return offer;
}

async function volume(vast: Bench, body: Record<string, unknown> = {}) {
  const offer = await place(vast);
  const rented = await vast.call("PUT", "/api/v0/volumes/", {
    id: offer.avail_vol_ask_id,
    size: 20,
    name: "ckpt",
    ...body,
  });
  expect(rented.body).toEqual({ success: true, volume_name: expect.stringMatching(/^V\.\d+$/) });
  return { offer, id: Number(rented.body.volume_name.slice(2)) };
}

const volumes = async (vast: Bench) =>
  (await vast.call("GET", "/api/v0/volumes?owner=me&type=all_volume")).body.volumes;

test("the search the official client sends finds offers with the document's fields", async () => {
  await using vast = await bench();
  const answer = await vast.call("POST", "/api/v0/volumes/search/", {
    verified: { eq: true },
    external: { eq: false },
    disk_space: { gte: 1 },
    order: [["score", "desc"]],
    allocated_storage: 1.0,
  });
  z.array(VolumeOfferRow).min(1).parse(answer.body.offers);
  expect(answer.body.offers.every((row: { verification: string }) => row.verification === "verified")).toBe(true);
  const bad = await vast.call("POST", "/api/v0/volumes/search/", { disk_space: 5 });
  expect(bad).toMatchObject({ status: 400, body: { error: "invalid_args" } });
  expect(bad.body.msg).toMatch(/^Invalid query: .*must be dict of conditions$/);
});

test("a volume is rented by the GB, billed from then on, and deleted", async () => {
  await using vast = await bench();
  const { id, offer } = await volume(vast);
  const [row] = z.array(VolumeRow).parse(await volumes(vast));
  expect(row).toMatchObject({ id, label: "ckpt", status: "created", disk_space: 20, instances: [] });
  expect(row?.machine_id).toBe(offer.machine_id);
  await vast.step(3600);
  expect((await vast.admin("GET", "/admin/bill")).body.volumeUsd).toBeCloseTo(Number(row?.storage_total_cost), 12);
  const { dir } = (await vast.admin("GET", "/admin/volumes")).body[0];
  expect(existsSync(dir)).toBe(true);

  expect((await vast.call("DELETE", `/api/v0/volumes/?id=${id}`, {})).body).toEqual({ success: true });
  expect(await volumes(vast)).toEqual([]);
  expect(existsSync(dir)).toBe(false);
  const cost = (await vast.admin("GET", "/admin/bill")).body.volumeUsd;
  await vast.step(3600);
  expect((await vast.admin("GET", "/admin/bill")).body.volumeUsd).toBe(cost);
});

test.each([
  [{ name: "no blanks" }, 422],
  [{ name: "x".repeat(65) }, 422],
  [{ size: 0 }, 400],
  [{ size: 9_000_000 }, 400],
  [{ id: 1 }, 404],
])("renting with %j is a %i", async (body, status) => {
  await using vast = await bench();
  const offer = await place(vast);
  const answer = await vast.call("PUT", "/api/v0/volumes/", { id: offer.avail_vol_ask_id, size: 15, ...body });
  expect(answer.status).toBe(status);
  expect(await volumes(vast)).toEqual([]);
});

test("an offer can be rented until its space is used up", async () => {
  await using vast = await bench();
  const offer = await place(vast);
  const left = Number(offer.avail_vol_size);
  const rent = (size: number) => vast.call("PUT", "/api/v0/volumes/", { id: offer.avail_vol_ask_id, size });
  expect((await rent(left - 1)).status).toBe(200);
  expect((await rent(2)).status).toBe(400);
  expect((await rent(1)).status).toBe(200);
});

test.each([
  ["env", (id: number) => ({ env: { [`-v V.${id}:/ckpt`]: "1" } })],
  ["volume_info", (id: number) => ({ volume_info: { create_new: false, volume_id: id, mount_path: "/ckpt" } })],
] as const)("a volume linked through %s is in use, outlives the instance and is free 30 s later", async (_, body) => {
  await using vast = await bench();
  const { id, offer } = await volume(vast);
  const created = await vast.call("PUT", `/api/v0/asks/${offer.id}/`, { ...CREATE, ...body(id) });
  expect(created.status, JSON.stringify(created.body)).toBe(200);
  const instance = created.body.new_contract;
  await vast.until(instance, isRunning);
  expect((await volumes(vast))[0]).toMatchObject({ status: "in-use", instances: [instance] });
  const [listed] = (await vast.call("GET", "/api/v1/instances/")).body.instances;
  expect(listed.volume_info).toMatchObject([{ id, label: "ckpt", total_space: 20 }]);
  expect(listed.extra_env.some(([key]: [string]) => /^-v (V\.\d+|ckpt):\/ckpt$/.test(key))).toBe(true);

  await vast.admin("POST", `/admin/instances/${instance}/write`, { path: "/ckpt/step-1.pt", bytes: 5000 });
  const refused = await vast.call("DELETE", `/api/v0/volumes/?id=${id}`);
  expect(refused).toMatchObject({ status: 400, body: { success: false } });

  await vast.call("DELETE", `/api/v0/instances/${instance}/`);
  expect((await volumes(vast))[0].status).toBe("in-use");
  await vast.step(31);
  expect((await volumes(vast))[0]).toMatchObject({ status: "created", instances: [] });
  const next = await vast.call("PUT", `/api/v0/asks/${offer.id}/`, { ...CREATE, ...body(id) });
  const listing = await vast.call("PUT", `/api/v0/instances/command/${next.body.new_contract}/`, {
    command: "du -ab /ckpt/step-1.pt",
  });
  await vast.step(5);
  expect(await (await fetch(listing.body.result_url)).text()).toMatch(/^5000\t.*\/ckpt\/step-1\.pt\n$/);
});

test("a volume can be made together with its instance", async () => {
  await using vast = await bench();
  const offer = await place(vast);
  const created = await vast.call("PUT", `/api/v0/asks/${offer.id}/`, {
    ...CREATE,
    volume_info: { create_new: true, volume_id: offer.avail_vol_ask_id, size: 25, mount_path: "/data", name: "fresh" },
  });
  expect(created.status).toBe(200);
  expect(await volumes(vast)).toMatchObject([
    { label: "fresh", disk_space: 25, instances: [created.body.new_contract] },
  ]);
});

test("a volume on another machine, or in use, cannot be attached", async () => {
  await using vast = await bench();
  const { id, offer } = await volume(vast);
  const elsewhere = (await vast.offers({ num_gpus: { eq: 1 } })).find((row) => row.machine_id !== offer.machine_id);
  const body = { ...CREATE, env: { [`-v V.${id}:/ckpt`]: "1" } };
  expect(await vast.call("PUT", `/api/v0/asks/${elsewhere?.id}/`, body)).toMatchObject({
    status: 400,
    body: { error: "invalid_args", msg: expect.stringContaining("machine") },
  });
  expect((await vast.call("PUT", `/api/v0/asks/${offer.id}/`, body)).status).toBe(200);
  const same = (await vast.offers({ machine_id: { eq: offer.machine_id } }))[0];
  if (same) expect((await vast.call("PUT", `/api/v0/asks/${same.id}/`, body)).body.msg).toContain("in use");
});

test("deleting takes the id in the body too, and says what is wrong with it", async () => {
  await using vast = await bench();
  const { id } = await volume(vast);
  expect(await vast.call("DELETE", "/api/v0/volumes/", {})).toMatchObject({
    status: 400,
    body: { error: "invalid_args" },
  });
  expect(await vast.call("DELETE", "/api/v0/volumes/", { id: 1 })).toMatchObject({
    status: 404,
    body: { error: "no_such_volume", msg: "Volume with that ID does not exist." },
  });
  expect((await vast.call("DELETE", "/api/v0/volumes/", { id })).body).toEqual({ success: true });
});
