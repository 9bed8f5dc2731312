import { describe, expect, test } from "vitest";
import { createTarget } from "../../../provider/lifecycle/cloud-sync-target.ts";
import {
  instancesQuerySchema,
  lookUpAccount,
  lookUpConnections,
  lookUpInstances,
  lookUpOffers,
  lookUpVolumes,
  offersQuerySchema,
} from "../../../provider/lifecycle/look-up.ts";
import { createVolume } from "../../../provider/lifecycle/volume.ts";
import { create, startStorage, startWorld, worker } from "../../support/vast-world.ts";

const rtx4090 = offersQuerySchema.parse({ gpu: "RTX_4090", disk: 20 });
const everything = instancesQuerySchema.parse({});

describe("offers", () => {
  test("the first one shown is the one that an instance with the same criteria rents, at that price", async () => {
    await using world = await startWorld();
    const [best, ...others] = await lookUpOffers(world.context(), rtx4090);
    const { state } = await create(world.context(), worker({ offer: { gpu: "RTX 4090" }, disk: 20 }));
    expect({ machineId: best?.machineId, dph: best?.dph }).toEqual({ machineId: state.machineId, dph: state.dph });
    expect(others.length).toBe(state.alternatives);
  });

  test("the price counts the disk asked for, not the one the service shows offers with", async () => {
    await using world = await startWorld();
    const context = world.context();
    const [small] = await lookUpOffers(context, rtx4090);
    const large = (await lookUpOffers(context, { ...rtx4090, disk: 200 })).find(
      ({ machineId }) => machineId === small?.machineId,
    );
    expect(large?.dphCompute).toBe(small?.dphCompute);
    expect(large?.dphStorage).toBeCloseTo(10 * (small?.dphStorage ?? 0), 5);
  });

  test("with a bid the price is the bid plus the disk, and offers that it cannot win are left out", async () => {
    await using world = await startWorld();
    const bid = 0.25;
    const shown = await lookUpOffers(world.context(), { ...rtx4090, bid });
    expect(shown.length).toBeGreaterThan(0);
    for (const offer of shown) {
      expect(offer.dph).toBeCloseTo(bid + offer.dphStorage, 5);
      expect(offer.minBid).toBeLessThanOrEqual(bid);
    }
  });

  test("a cap below the market shows nothing, and that is no error", async () => {
    await using world = await startWorld();
    expect(await lookUpOffers(world.context(), { ...rtx4090, maxDph: 0.001 })).toEqual([]);
  });
});

describe("instances", () => {
  test("of the account are shown with what their states say, and without their environment", async () => {
    await using world = await startWorld();
    const { state } = await create(world.context(), worker({ env: { HF_TOKEN: "canary-of-an-environment" } }));
    const shown = await lookUpInstances(world.context(), everything);
    expect(shown).toMatchObject([
      {
        contractId: state.contractId,
        label: "trainer-0",
        mark: state.mark,
        dph: state.dph,
        status: "running",
        sshCommand: state.sshCommand,
        interruptible: false,
      },
    ]);
    expect(JSON.stringify(shown)).not.toContain("canary");
  });

  test("can be limited to a fleet, whose name is not another one's beginning", async () => {
    await using world = await startWorld();
    for (const name of ["trainer-0", "trainer2-0"]) await create(world.context(), worker({}, name));
    const shown = await lookUpInstances(world.context(), { prefix: "trainer" });
    expect(shown.map(({ label }) => label)).toEqual(["trainer-0"]);
  });

  test("are an error when the list is not what it should be, never an empty list", async () => {
    await using world = await startWorld();
    await create(world.context());
    await world.fault({
      endpoint: "GET /api/v1/instances/",
      kind: "wrong-shape",
      body: { success: true, total_instances: 0, next_token: null, instances: "" },
    });
    await expect(lookUpInstances(world.context(), everything)).rejects.toThrow(/another shape/);
  });
});

test("volumes are shown with their machine, size and price", async () => {
  await using world = await startWorld();
  const mark = String(worker().mark);
  const { outs } = await createVolume(world.context(), { mark, name: "data", size: 30 });
  expect(await lookUpVolumes(world.context())).toMatchObject([
    { volumeId: outs.volumeId, machineId: outs.machineId, size: 30, dph: outs.dph, instances: [] },
  ]);
});

test("account and connections are those of the key, as a CloudSyncTarget takes them", async () => {
  await using world = await startWorld();
  const storage = await startStorage();
  try {
    const binding = await storage.connect(world);
    const context = world.context();
    const [connection] = await lookUpConnections(context);
    expect(connection).toEqual({ connectionId: binding.connectionId, name: "s3c", type: "s3" });
    const { connectionId, ...where } = binding;
    const target = await createTarget(context, {
      mark: String(worker().mark),
      connection: connection?.connectionId,
      ...where,
    });
    expect(target.outs).toMatchObject({ binding: { connectionId } });
    expect(await lookUpAccount(context)).toMatchObject({ credit: expect.any(Number) });
    await expect(lookUpAccount(world.context({ apiKey: "no-such-key" }))).rejects.toMatchObject({ code: "auth" });
  } finally {
    await storage.stop();
  }
});
