import { expect, test } from "vitest";
import { lookUpOffers, offersQuerySchema } from "../../../provider/lifecycle/look-up.ts";
import { marketReport, REPORT_PATIENCE } from "../../../provider/lifecycle/market-report.ts";
import { answeringServer } from "../../support/answering-server.ts";
import { heldClock } from "../../support/held-clock.ts";
import { startWorld } from "../../support/vast-world.ts";

const worker = { offer: { gpu: "RTX 4090", maxDph: 1 }, image: "ubuntu:22.04", disk: 20 };

test("a fleet's price is that of its best machines, from one search", async () => {
  await using world = await startWorld();
  const offers = await lookUpOffers(world.context(), offersQuerySchema.parse({ ...worker.offer, disk: worker.disk }));
  const [first, second] = offers.map(({ dph }) => dph) as [number, number];
  await world.forgetRequests();
  const report = await marketReport(world.context(), { workers: 2, worker, volumeGb: undefined });
  expect(report).toContain(`${offers.length} machines match now; best: 1x RTX 4090 at $${first.toFixed(3)}/h`);
  expect(report).toContain(`Together $${(first + second).toFixed(3)}/h all-in`);
  expect(await world.requests("POST /api/v0/bundles/")).toHaveLength(1);
});

test("machines without room for the fleet's volumes do not count", async () => {
  await using world = await startWorld();
  const report = await marketReport(world.context(), { workers: 2, worker, volumeGb: 100_000 });
  expect(report).toBe("no machine with room for a volume of 100000 GB matches now: an `up` would rent none");
});

test("a fleet that is larger than the market is told so", async () => {
  await using world = await startWorld();
  const report = await marketReport(world.context(), { workers: 200, worker, volumeGb: undefined });
  expect(report).toMatch(/for (\d+) of 200 workers$/);
});

test("where nothing matches, the reason is said before anything is tried", async () => {
  await using world = await startWorld();
  const cheap = { ...worker, bid: 0.3, offer: { ...worker.offer, maxDph: 0.001 } };
  const report = await marketReport(world.context(), { workers: 2, worker: cheap, volumeGb: undefined });
  expect(report).toMatch(
    /no machine matches now \(\$0\.\d+\/h all-in is over maxDph \$0\.001\/h.*\): an `up` would rent none/,
  );
});

test.for([
  ["a pinned offer", { ...worker, offer: { id: 4711 } }],
  ["inputs that their own check refuses", { ...worker, disk: 1 }],
] as const)("of %s nothing is asked", async ([, pinned]) => {
  await using world = await startWorld();
  expect(await marketReport(world.context(), { workers: 2, worker: pinned, volumeGb: undefined })).toBeUndefined();
  expect(await world.requests("POST /api/v0/bundles/")).toEqual([]);
});

test("a service that does not answer is asked twice and no more: the preview goes on without prices", async () => {
  await using world = await startWorld();
  await using broken = await answeringServer([{ cut: "drop" }]);
  const clock = heldClock();
  const context = world.context({ endpoint: broken.url }, { clock, patience: REPORT_PATIENCE });
  await expect(marketReport(context, { workers: 2, worker, volumeGb: undefined })).rejects.toThrow("connection to");
  expect(broken.requests).toHaveLength(2);
  expect(clock.elapsedS()).toBeLessThan(10);
});
