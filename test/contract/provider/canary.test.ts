import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import { updateInstance } from "../../../provider/lifecycle/instance/update.ts";
import {
  checked,
  create,
  type Held,
  type Inputs,
  type Storage,
  startStorage,
  startWorld,
  type VastWorld,
  worker,
} from "../../support/vast-world.ts";

const OUT = "/workspace/out";
const COPY = "POST /api/v0/commands/rclone/";
const PROOF = "runs/.pulumi-vast/proven.json";
let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const trainer = (target: Binding, different: Inputs = {}, name?: string) =>
  worker({ copyOut: { target, paths: [OUT], ...different } }, name);
const copies = async (world: VastWorld) => (await world.requests(COPY)).length;
const proofIn = async ({ bucket }: Binding) => JSON.parse(await storage.text(bucket, PROOF)) as Inputs;

/** Of a create that fails, what the engine keeps. */
async function failing(world: VastWorld, inputs: Inputs): Promise<Held & { message: string }> {
  const failure = (await create(world.context(), inputs).catch((error: unknown) => error)) as {
    id: string;
    properties: Held["state"];
    message: string;
  };
  return { id: failure.id, state: failure.properties, message: failure.message };
}

describe("the first instance that uses a target", () => {
  test("shows with a canary file, once, that the connection reaches the bucket", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world, { proven: false });
    const held = await create(world.context(), trainer(target));
    expect(await copies(world)).toBe(2);
    expect(await proofIn(target)).toMatchObject({ connectionId: target.connectionId, contract: Number(held.id) });
    expect(await storage.keys(target.bucket)).toEqual([]);
    await create(world.context(), trainer(target, {}, "trainer-1"));
    expect(await copies(world)).toBe(2);
  });

  test("does it for all that come up at once, and they do not wait for it", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world, { proven: false });
    await world.fault({ endpoint: "copy", kind: "copy-fail" });
    const context = world.context();
    const names = ["a", "b", "c"];
    const all = await Promise.allSettled(names.map((name) => create(context, trainer(target, {}, name))));
    expect(all.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect(await world.instances()).toHaveLength(3);
    expect(await copies(world)).toBe(1);
  });

  test("does it anew for another connection of the same bucket", async () => {
    await using world = await startWorld();
    const { bucket } = await storage.connect(world, { proven: false });
    const target = { ...(await storage.connect(world)), bucket };
    await storage.put(bucket, PROOF, JSON.stringify({ connectionId: target.connectionId - 1 }));
    await create(world.context(), trainer(target));
    expect(await copies(world)).toBe(2);
    expect(await proofIn(target)).toMatchObject({ connectionId: target.connectionId });
  });

  test("takes a record that cannot be understood for none", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world, { proven: false });
    await storage.put(target.bucket, PROOF, "{");
    await create(world.context(), trainer(target));
    expect(await proofIn(target)).toMatchObject({ connectionId: target.connectionId });
  });

  test("sends none where nothing is to be copied: waived, without a target, or not running", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world, { proven: false });
    await create(world.context(), trainer(target, { waive: "nothing of value is made here" }, "waived"));
    await create(world.context(), worker({}, "without"));
    await create(world.context(), { ...trainer(target, {}, "stopped"), state: "stopped" });
    expect(await copies(world)).toBe(0);
  });
});

describe("a canary that does not come back", () => {
  test.for(["copy-fail", "copy-noop", "copy-stuck"] as const)(
    "(%s) keeps the instance, unfinished, with the reason; the next up sends another",
    async (kind) => {
      await using world = await startWorld({ speed: 2000 });
      const target = await storage.connect(world, { proven: false });
      await world.fault({ endpoint: "copy", kind });
      const held = await failing(world, trainer(target));
      expect(held.message).toMatch(
        /is rented and kept in the state.*the canary file through cloud connection \d+ [\s\S]*look at the cloud connection in the Vast console/,
      );
      expect(await world.instances()).toMatchObject([{ id: Number(held.id), actual: "running" }]);
      await updateInstance(world.context(), held.id, held.state, checked(trainer(target)));
      expect(await proofIn(target)).toMatchObject({ contract: Number(held.id) });
      expect(await world.instances()).toHaveLength(1);
    },
  );

  test("since the connection's key is not the bucket's says what the copy tool said", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world, { proven: false });
    const { id } = await world.admin<{ id: number }>("POST", "/connections", {
      name: "of-another-account",
      endpoint: storage.server.url,
      region: storage.server.region,
      accessKeyId: "AKIAUNKNOWN",
      secretAccessKey: "no such secret",
    });
    const { message } = await failing(world, trainer({ ...target, connectionId: id }));
    expect(message).toMatch(/canary file through cloud connection \d+ to the instance failed: "Cloud Copy Failed: .+"/);
    expect(message).not.toContain("no such secret");
  });

  test("through a connection that is gone says what the service said", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world, { proven: false });
    const { message } = await failing(world, trainer({ ...target, connectionId: 4711 }));
    expect(message).toMatch(/the service refused the copy.*Invalid cloud connection selected/);
  });
});
