import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3Server, startS3Server } from "../../../tools/s3.ts";
import { type Bench, bench, isRunning } from "./support.ts";

let dir: string;
let server: S3Server;
let s3: S3Client;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "simulator-s3-"));
  server = await startS3Server({ dir });
  s3 = new S3Client({
    endpoint: server.url,
    region: server.region,
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
  });
});

afterAll(async () => {
  s3?.destroy();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const COMPLETE = "Cloud Copy Operation Complete\n";

/** A running trainer with two checkpoints, a bucket of its own, and a connection to it. */
async function trainer(vast: Bench, bucket: string) {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const connection = await vast.admin("POST", "/admin/connections", {
    name: "backup",
    cloud_type: "s3",
    endpoint: server.url,
    region: server.region,
    accessKeyId: server.accessKeyId,
    secretAccessKey: server.secretAccessKey,
    forcePathStyle: true,
  });
  const id = await vast.rent({ env: { VAST_SIM_WORKLOAD: "training", VAST_SIM_CHECKPOINT_SECONDS: "60" } });
  await vast.until(id, isRunning);
  await vast.step(125);
  const [instance] = (await vast.admin("GET", "/admin/instances")).body;
  const copy = (extra: Record<string, unknown> = {}) =>
    vast.call("POST", "/api/v0/commands/rclone/", {
      instance_id: String(id),
      src: "/workspace",
      dst: `/${bucket}/runs/${id}`,
      selected: String(connection.body.id),
      transfer: "Instance to Cloud",
      flags: [],
      ...extra,
    });
  return { id, copy, root: instance.dir as string, connectionId: connection.body.id as number };
}

async function keys(bucket: string): Promise<string[]> {
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  return (listed.Contents ?? []).map((object) => object.Key ?? "");
}

test("a cloud copy moves the directory's real bytes and times, and says so some 30 seconds late", async () => {
  await using vast = await bench();
  const { id, copy, root } = await trainer(vast, "copy-all");

  expect(await copy()).toMatchObject({ status: 200, body: { success: true } });
  await vast.step(15);
  expect((await vast.show(id)).status_msg).toMatch(/^success, running/);
  await vast.step(60);
  expect((await vast.show(id)).status_msg).toBe(COMPLETE);

  const folder = `runs/${id}`;
  expect(await keys("copy-all")).toEqual([
    `${folder}/checkpoints/step-000500.pt`,
    `${folder}/checkpoints/step-001000.pt`,
    `${folder}/train.log`,
  ]);
  const key = `${folder}/checkpoints/step-000500.pt`;
  const object = await s3.send(new GetObjectCommand({ Bucket: "copy-all", Key: key }));
  const bytes = Buffer.from((await object.Body?.transformToByteArray()) ?? []);
  const original = readFileSync(join(root, "workspace/checkpoints/step-000500.pt"));
  const sha = (data: Buffer) => createHash("sha256").update(data).digest("hex");
  expect(sha(bytes)).toBe(sha(original));
  expect(object.Metadata?.mtime).toMatch(/^\d{10}(\.\d{1,9})?$/);
});

test("a second copy moves only what is new, and shows the old Complete until it has something to say", async () => {
  await using vast = await bench();
  const { id, copy } = await trainer(vast, "copy-twice");
  await copy();
  await vast.step(90);
  const first = await s3.send(
    new HeadObjectCommand({ Bucket: "copy-twice", Key: `runs/${id}/checkpoints/step-000500.pt` }),
  );
  await copy();
  expect((await vast.show(id)).status_msg).toBe(COMPLETE);
  await vast.step(90);

  const again = await s3.send(
    new HeadObjectCommand({ Bucket: "copy-twice", Key: `runs/${id}/checkpoints/step-000500.pt` }),
  );
  expect(again.LastModified).toEqual(first.LastModified);
  expect(await keys("copy-twice")).toContain(`runs/${id}/checkpoints/step-001500.pt`);
});

test("copied bytes are billed as upload and shown in kilobytes", async () => {
  await using vast = await bench();
  const { id, copy } = await trainer(vast, "copy-billed");
  await copy();
  await vast.step(90);

  const row = await vast.show(id);
  const bill = (await vast.admin("GET", "/admin/bill")).body;
  expect(row.inet_up_billed).toBeGreaterThan(500);
  const expected = (Number(row.inet_up_billed) / 1e6) * Number(row.inet_up_cost);
  expect(bill.bandwidthUsd).toBeCloseTo(expected, 12);
});

test("a copy back into an instance brings bytes and modification time", async () => {
  await using vast = await bench();
  const { id, copy, root } = await trainer(vast, "copy-back");
  await s3.send(
    new PutObjectCommand({
      Bucket: "copy-back",
      Key: "old/checkpoints/step-009000.pt",
      Body: "older weights",
      Metadata: { mtime: "1792000000.5" },
    }),
  );
  const answer = await copy({ src: "/copy-back/old", dst: "/workspace/restored", transfer: "Cloud To Instance" });
  expect(answer.status).toBe(200);
  await vast.step(90);

  expect((await vast.show(id)).status_msg).toBe(COMPLETE);
  expect(readFileSync(join(root, "workspace/restored/checkpoints/step-009000.pt"), "utf8")).toBe("older weights");
  const listing = await vast.call("PUT", `/api/v0/instances/command/${id}/`, {
    command: "ls -l --time-style=+%s /workspace/restored/checkpoints",
  });
  await vast.step(5);
  expect(await (await fetch(listing.body.result_url)).text()).toContain("1792000000 step-009000.pt");
});

test("a copy that cannot write says why", async () => {
  await using vast = await bench();
  const { id, copy } = await trainer(vast, "copy-denied");
  await copy({ dst: "/there-is-no-such-bucket/x" });
  await vast.step(90);
  expect((await vast.show(id)).status_msg).toMatch(/^Cloud Copy Failed: NoSuchBucket/);

  await copy({ src: "/nowhere" });
  await vast.step(90);
  expect((await vast.show(id)).status_msg).toBe("Cloud Copy Failed: directory not found");

  await copy({ flags: ["--unheard-of"] });
  await vast.step(90);
  expect((await vast.show(id)).status_msg).toBe("Cloud Copy Failed: unknown flag: --unheard-of");
});

test.each([
  ["copy-noop", COMPLETE, 0],
  ["copy-half", COMPLETE, 1],
  ["copy-fail", "Cloud Copy Failed: corrupted on transfer", 1],
] as const)("the fault %s leaves the status %j and %i objects", async (kind, status, count) => {
  await using vast = await bench();
  const bucket = `faulty-${kind}`;
  const { id, copy } = await trainer(vast, bucket);
  await vast.admin("POST", "/admin/faults", { endpoint: "copy", kind, match: { instanceId: id } });
  await copy();
  await vast.step(90);
  expect((await vast.show(id)).status_msg).toBe(status);
  expect(await keys(bucket)).toHaveLength(count);

  await copy();
  await vast.step(90);
  expect((await vast.show(id)).status_msg).toBe(COMPLETE);
  expect((await keys(bucket)).length).toBeGreaterThan(2);
});

test("a cancelled copy stops and says so", async () => {
  await using vast = await bench();
  const { id, copy } = await trainer(vast, "copy-cancel");
  await copy();
  const cancel = await vast.call("DELETE", "/api/v0/commands/rclone/", { client_id: "me", dst_id: String(id) });
  expect(cancel.body.msg).toMatch(/^Remote copy canceled/);
  await vast.step(60);
  expect((await vast.show(id)).status_msg).toBe("Cloud Copy Cancelled");
  expect(await keys("copy-cancel")).toEqual([]);

  const bad = await vast.call("DELETE", "/api/v0/commands/rclone/", { client_id: "me" });
  expect(bad).toMatchObject({ status: 400, body: { error: "invalid_args", msg: "Invalid dst_id." } });
  const none = await vast.call("DELETE", "/api/v0/commands/rclone/", { client_id: "me", dst_id: "1" });
  expect(none).toMatchObject({ status: 404, body: { error: "no_such_instance", msg: "No such instance." } });
});

/** A volume on a machine with a price for upload, and `copy` of vast-api.md 5.1. */
async function volumeOf(vast: Bench, sizeGb: number) {
  const priced = { avail_vol_size: { gte: sizeGb }, inet_up_cost: { gt: 0 } };
  const [offer] = (await vast.call("POST", "/api/v0/bundles/", priced)).body.offers;
  const rented = await vast.call("PUT", "/api/v0/volumes/", { id: offer.avail_vol_ask_id, size: sizeGb });
  const [{ dir }] = (await vast.admin("GET", "/admin/volumes")).body as [{ dir: string }];
  const copy = (body: Record<string, unknown>) =>
    vast.call("PUT", "/api/v0/commands/copy_direct/", { client_id: "me", ...body });
  return { name: rented.body.volume_name as string, dir, upCost: offer.inet_up_cost as number, copy };
}

test("a volume is copied to s3 and back, and pays for the bytes", async () => {
  await using vast = await bench();
  const { id, connectionId } = await trainer(vast, "copy-volume");
  const { name, dir, upCost, copy } = await volumeOf(vast, 10);
  const cloud = `s3.${connectionId}`;
  await copy({ src_id: `C.${id}`, src_path: "/workspace/checkpoints/", dst_id: name, dst_path: "/saved" });
  await vast.step(60);
  const bandwidth = async (): Promise<number> => (await vast.admin("GET", "/admin/bill")).body.bandwidthUsd;
  const before = await bandwidth();

  const up = await copy({ src_id: name, src_path: "/saved/", dst_id: cloud, dst_path: "/copy-volume/v" });
  expect(up).toMatchObject({ status: 200, body: { success: true } });
  await vast.step(60);
  expect(await keys("copy-volume")).toContain("v/step-000500.pt");
  const saved = ["step-000500.pt", "step-001000.pt"].map((file) => statSync(join(dir, "saved", file)).size);
  const gb = saved.reduce((sum, bytes) => sum + bytes, 0) / 1e9;
  expect((await bandwidth()) - before).toBeCloseTo(gb * upCost, 12);

  await copy({ src_id: cloud, src_path: "/copy-volume/v/", dst_id: name, dst_path: "/again" });
  await vast.step(60);
  const file = (folder: string) => readFileSync(join(dir, folder, "step-000500.pt"));
  expect(file("again").equals(file("saved"))).toBe(true);
});

test("`cancel copy` stops what `copy` brings from s3", async () => {
  await using vast = await bench();
  const { id, root, connectionId } = await trainer(vast, "copy-cancelled");
  const { name, dir, copy } = await volumeOf(vast, 10);
  await s3.send(new PutObjectCommand({ Bucket: "copy-cancelled", Key: "old/weights", Body: "old" }));
  const cancel = (target: string) =>
    vast.call("DELETE", "/api/v0/commands/copy_direct/", { client_id: "me", dst_id: target });
  for (const target of [`C.${id}`, name]) {
    await copy({ src_id: `s3.${connectionId}`, src_path: "/copy-cancelled/old/", dst_id: target, dst_path: "/in" });
    expect((await cancel(target)).body).toEqual({ success: true });
    await vast.step(4);
  }
  await vast.step(120);
  for (const disk of [root, dir]) expect(existsSync(join(disk, "in/weights"))).toBe(false);
  expect((await vast.show(id)).status_msg).toMatch(/cancelled/i);
});

test("bad parameters of a copy are refused before anything moves", async () => {
  await using vast = await bench();
  const { copy } = await trainer(vast, "copy-refused");
  for (const extra of [
    { instance_id: "1" },
    { selected: "99" },
    { transfer: "Cloud to Cloud" },
    { dst: "/" },
    { src: "/copy-refused/x", dst: "/root", transfer: "cloud to instance" },
  ]) {
    expect(await copy(extra)).toMatchObject({ status: 400, body: { success: false, msg: expect.any(String) } });
  }
});

test("connections are a bare array of id, name and type", async () => {
  await using vast = await bench();
  const { connectionId } = await trainer(vast, "copy-connection");
  const answer = await vast.call("GET", "/api/v0/users/cloud_integrations/");
  expect(answer.body).toEqual([{ id: connectionId, name: "backup", cloud_type: "s3" }]);
});
