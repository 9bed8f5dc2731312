import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clearParked, listParked, type ParkedContract, recordParked } from "../../../provider/copy-out/parked.ts";
import { type Storage, startStorage, startWorld } from "../../support/vast-world.ts";

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const parked = (binding: ParkedContract["copyOut"]["target"], different: Partial<ParkedContract> = {}) => ({
  contract: 4711,
  mark: "0123456789abcdef",
  resource: "trainer-0",
  label: "trainer-0",
  home: { endpoint: "https://console.vast.ai", accountId: 1 },
  machine: 17,
  since: "2026-11-24T10:00:00.000Z",
  dph: 0.4,
  copyOut: { target: binding, paths: ["/workspace/out"], timeout: 60 },
  ...different,
});

describe("a parked contract", () => {
  test("is found again with all that its copy-out needs, oldest first", async () => {
    await using world = await startWorld();
    const binding = await storage.connect(world);
    const younger = parked(binding, { contract: 4712, since: "2026-11-24T11:00:00.000Z" });
    await recordParked(binding, younger);
    await recordParked(binding, parked(binding));
    expect(await listParked(binding)).toEqual([parked(binding), younger]);
  });

  test("of another prefix is not this target's", async () => {
    await using world = await startWorld();
    const binding = await storage.connect(world);
    await recordParked(binding, parked(binding));
    expect(await listParked({ ...binding, prefix: "ru" })).toEqual([]);
  });

  test("that was cleared is parked no more, and its record says why", async () => {
    await using world = await startWorld();
    const binding = await storage.connect(world);
    await recordParked(binding, parked(binding));
    await clearParked(binding, 4711, "copied out and destroyed");
    expect(await listParked(binding)).toEqual([]);
    expect(await storage.text(binding.bucket, "runs/.pulumi-vast/parked/4711.json")).toContain(
      "copied out and destroyed",
    );
  });

  test("whose record is broken is an error, never nothing", async () => {
    await using world = await startWorld();
    const binding = await storage.connect(world);
    await storage.put(binding.bucket, "runs/.pulumi-vast/parked/4711.json", "{");
    await expect(listParked(binding)).rejects.toThrow(/parked\/4711\.json.*cannot be understood/);
  });
});
