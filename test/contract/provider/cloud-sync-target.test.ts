import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createTarget,
  diffTarget,
  readTarget,
  removeTarget,
  updateTarget,
} from "../../../provider/lifecycle/cloud-sync-target.ts";
import { type Inputs, type Storage, startStorage, startWorld } from "../../support/vast-world.ts";

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const targetOf = ({ bucket, region, endpoint }: { bucket: string; region: string; endpoint?: string }): Inputs => ({
  mark: "0123456789abcdef",
  connection: "s3c",
  prefix: "runs",
  ...{ bucket, region, endpoint },
});

test("a target binds the connection of that name to bucket and prefix", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  const { id, outs } = await createTarget(world.context(), targetOf(binding));
  expect(outs.binding).toEqual(binding);
  expect(await diffTarget(world.context(), id, outs, targetOf(binding))).toMatchObject({ changes: false });
  expect(await readTarget(world.context(), id, outs)).toMatchObject({ id, props: outs });
});

test("a connection that does not exist yet stops the first up with the exact steps, without the secret", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  const inputs = { ...targetOf(binding), connection: "trainer-results", accessKeyId: "AKIALOCAL" };
  const error = (await createTarget(world.context(), inputs).catch((thrown: unknown) => thrown)) as Error;
  expect(error.message).toMatch(/no cloud connection "trainer-results" yet \(it has: s3c\)/);
  expect(error.message).toMatch(
    /1\. open the Vast console[\s\S]*2\. name it exactly "trainer-results"[\s\S]*AKIALOCAL[\s\S]*run `pulumi up` again/,
  );
  expect(error.message).not.toContain(storage.server.secretAccessKey);
});

test("a connection to something else than S3 is refused", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  const { url, region } = storage.server;
  const drive = { name: "gdrive", cloud_type: "drive", endpoint: url, region, accessKeyId: "a", secretAccessKey: "b" };
  await world.admin("POST", "/connections", drive);
  await expect(createTarget(world.context(), { ...targetOf(binding), connection: "gdrive" })).rejects.toThrow(
    /"gdrive" is of type drive, not s3/,
  );
});

test("a bucket that is not there, or not ours, is named before anything else", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  await expect(createTarget(world.context(), { ...targetOf(binding), bucket: "no-such-bucket" })).rejects.toThrow(
    /s3:\/\/no-such-bucket failed[\s\S]*AWS credentials/,
  );
});

test("a bucket without versions is warned about", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  await createTarget(world.context(), targetOf(binding));
  expect(world.logs.join("\n")).toContain(`s3://${binding.bucket} is not versioned`);
});

test("a connection that vanished is warned about, and found again by an update", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  const { id, outs } = await createTarget(world.context(), targetOf(binding));
  await world.admin("DELETE", `/connections/${binding.connectionId}`);
  await readTarget(world.context(), id, outs);
  expect(world.logs.join("\n")).toContain(`connection ${binding.connectionId} is no longer in the Vast account`);
  const again = await storage.connect(world);
  const { outs: after } = await updateTarget(world.context(), id, outs, targetOf(binding));
  expect(after.binding).toMatchObject({ connectionId: again.connectionId, bucket: binding.bucket });
});

test("another account's key changes nothing and is an error", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  const { id, outs } = await createTarget(world.context(), targetOf(binding));
  await world.admin("POST", "/accounts", { apiKey: "another-key" });
  const other = world.context({ apiKey: "another-key" });
  await expect(readTarget(other, id, outs)).rejects.toThrow(/belongs to Vast\.ai account/);
  await expect(diffTarget(other, id, outs, targetOf(binding))).rejects.toThrow(/belongs to Vast\.ai account/);
  await expect(updateTarget(other, id, outs, targetOf(binding))).rejects.toThrow(/belongs to Vast\.ai account/);
});

test("removing a target removes no object", async () => {
  await using world = await startWorld();
  const binding = await storage.connect(world);
  const { id, outs } = await createTarget(world.context(), targetOf(binding));
  await storage.put(binding.bucket, "runs/1/model.pt", "weights");
  await removeTarget(world.context(), id, outs);
  expect(await storage.keys(binding.bucket)).toEqual(["runs/1/model.pt"]);
});
