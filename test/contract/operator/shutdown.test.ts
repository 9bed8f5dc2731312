import { afterAll, beforeAll, expect, test } from "vitest";
import { readFleets } from "../../../operator/fleet/read.ts";
import { syncAll } from "../../../operator/shutdown.ts";
import { stackHolding } from "../../support/held-stack.ts";
import { create, type Storage, startStorage, startWorld, type VastWorld, worker } from "../../support/vast-world.ts";

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const OUT = "/workspace/out";

async function twoWorkers(world: VastWorld) {
  const target = await storage.connect(world);
  const context = world.context();
  const inputs = { copyOut: { target, paths: [OUT] } };
  const held = [await create(context, worker(inputs, "a")), await create(context, worker(inputs, "b"))];
  for (const { id } of held) await world.write(Number(id), `${OUT}/model.pt`, "weights", 1_700_000_000);
  const { workers } = await readFleets(stackHolding(held), context);
  return { context, target, held, ids: held.map(({ id }) => Number(id)), workers };
}

test("sync-first saves the results of all while they run", async () => {
  await using world = await startWorld();
  const { context, target, ids, workers } = await twoWorkers(world);
  await syncAll(context, workers);
  expect((await storage.keys(target.bucket, "runs/")).toSorted()).toEqual(
    ids.map((id) => `runs/${id}${OUT}/model.pt`).toSorted(),
  );
  expect((await world.instances()).map(({ actual }) => actual)).toEqual(["running", "running"]);
});

test("sync-first is all or nothing: where one worker's results cannot be saved nothing is destroyed, and it says whose", async () => {
  await using world = await startWorld();
  const { context, ids, held } = await twoWorkers(world);
  const [, second = 0] = ids;
  const machine = (await world.instances()).find(({ id }) => id === second)?.machineId;
  await world.admin("POST", `/machines/${machine}/offline`);
  await world.until(second, ({ actual }) => actual === "offline");
  const { workers } = await readFleets(stackHolding(held), world.context());
  await expect(syncAll(context, workers)).rejects.toThrow(/nothing was destroyed.*results of b could not/s);
  expect(await world.instances()).toHaveLength(2);
});

test("sync-first waits for nobody who has nothing to save: gone, or given up in writing", async () => {
  await using world = await startWorld();
  const context = world.context();
  const waived = await create(context, worker({ copyOut: { waive: "a smoke test, nothing of value" } }, "a"));
  const gone = await create(context, worker({}, "b"));
  await context.destroyer.destroy(Number(gone.id));
  const { workers } = await readFleets(stackHolding([waived, gone]), world.context());
  await syncAll(context, workers);
});
