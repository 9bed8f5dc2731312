import { expect, test } from "vitest";
import { fleetCost } from "../../../provider/fleet/cost.ts";
import { lookUpOffers, offersQuerySchema } from "../../../provider/lifecycle/look-up.ts";
import {
  marketInWords,
  type PlannedWorker,
  PRICE_PATIENCE,
  priceWorkers,
} from "../../../provider/lifecycle/market-price.ts";
import { answeringServer } from "../../support/answering-server.ts";
import { heldClock } from "../../support/held-clock.ts";
import { create, startWorld, type VastWorld, worker as wholeWorker } from "../../support/vast-world.ts";

const inputs = { offer: { gpu: "RTX 4090", maxDph: 1 }, image: "ubuntu:22.04", disk: 20, tags: { team: "research" } };

function fleet(name: string, workers: number, more: Partial<PlannedWorker> = {}): PlannedWorker[] {
  return Array.from({ length: workers }, (_, n) => ({ name: `${name}-worker-${n}`, inputs, ...more }));
}

/** USD/h of the machines that do, the cheapest first. */
async function marketOf(world: VastWorld, different: object = {}): Promise<number[]> {
  const query = offersQuerySchema.parse({ ...inputs.offer, disk: inputs.disk, ...different });
  return (await lookUpOffers(world.context(), query)).map(({ dph }) => dph);
}

const dphOf = (prices: readonly { dph: unknown }[]) => prices.map(({ dph }) => dph);
const close = (usd: number | undefined) => expect.closeTo(usd ?? Number.NaN, 5);

test("a fleet's price is that of its best machines, from one search", async () => {
  await using world = await startWorld();
  const [first, second, ...others] = await marketOf(world);
  await world.forgetRequests();
  const context = world.context();

  const prices = await priceWorkers(context, fleet("trainer", 2));

  expect(dphOf(prices)).toEqual([close(first), close(second)]);
  expect(prices[0]).toMatchObject({ name: "trainer-worker-0", team: "research", toRent: true });
  const [sentence] = await marketInWords(context, prices);
  expect(sentence).toContain(`${others.length + 2} machines match now; best: 1x RTX 4090 at $${first?.toFixed(3)}/h`);
  expect(await world.requests("POST /api/v0/bundles/")).toHaveLength(1);
});

test("two fleets that look for the same offers do not count a machine twice, and share the search", async () => {
  await using world = await startWorld();
  const market = await marketOf(world);
  await world.forgetRequests();
  const context = world.context();

  const both = await Promise.all([priceWorkers(context, fleet("a", 1)), priceWorkers(context, fleet("b", 2))]);

  expect(both.flatMap(dphOf).toSorted()).toEqual(market.slice(0, 3).map(close));
  expect(await world.requests("POST /api/v0/bundles/")).toHaveLength(1);
});

test("a worker that stays counts with its price in the state, and nobody new is put on its machine", async () => {
  await using world = await startWorld();
  const context = world.context();
  const [best] = await lookUpOffers(context, offersQuerySchema.parse({ ...inputs.offer, disk: inputs.disk }));
  const kept = { contract: 1, machineId: best?.machineId, dph: 0.77, dphStorage: 0.01 };

  const prices = await priceWorkers(context, [...fleet("a", 1, { kept }), ...fleet("b", 1)]);

  expect(prices[0]).toMatchObject({ toRent: false, dph: 0.77 });
  expect(prices[1]?.dph).toBeGreaterThan(best?.dph ?? Number.NaN);
});

test("a worker that stays and is kept stopped costs its disk alone", async () => {
  await using world = await startWorld();
  const kept = { contract: 1, dph: 0.77, dphStorage: 0.01 };
  const stopped = fleet("a", 1, { kept, inputs: { ...inputs, state: "stopped" } });
  expect(dphOf(await priceWorkers(world.context(), stopped))).toEqual([0.01]);
});

test("what an update leaves open of a worker that stays, the service is asked for; a new bid counts", async () => {
  await using world = await startWorld();
  const held = await create(world.context(), wholeWorker({ bid: 0.3 }));
  const planned = (bid: number) => [{ name: "w", inputs: { ...inputs, bid }, kept: { contract: Number(held.id) } }];
  const [before, after] = [0.3, 0.35].map((bid) => priceWorkers(world.context(), planned(bid)));
  expect(dphOf((await before) ?? [])).toEqual([close(held.state.dph)]);
  expect(dphOf((await after) ?? [])).toEqual([close(held.state.dph + 0.05)]);
});

test("a spot worker costs its bid and its disk, and what it falls back to where no bid wins", async () => {
  await using world = await startWorld();
  const [cheapest] = await marketOf(world);
  const context = world.context();
  const spot = await priceWorkers(context, fleet("spot", 1, { inputs: { ...inputs, bid: 0.5 } }));
  const hopeless = { ...inputs, bid: 0.001, fallback: "on-demand" };
  const fallback = await priceWorkers(world.context(), fleet("fallback", 1, { inputs: hopeless }));
  expect(Number(spot[0]?.dph)).toBeGreaterThan(0.5);
  expect(Number(spot[0]?.dph)).toBeLessThan(0.51);
  expect(dphOf(fallback)).toEqual([close(cheapest)]);
});

test("a worker with inputs of its own is priced for itself", async () => {
  await using world = await startWorld();
  const [large] = await marketOf(world, { disk: 200 });
  const context = world.context();

  const prices = await priceWorkers(context, [
    ...fleet("a", 1, { inputs: { ...inputs, disk: 200 } }),
    ...fleet("b", 1),
  ]);

  expect(prices[0]?.dph).toEqual(close(large));
  const sentences = await marketInWords(context, prices);
  expect(sentences.map((sentence) => sentence.split(":")[0])).toEqual(["a-worker-0", "b-worker-0"]);
});

test("volumes to be made cost what the machines of their workers ask for them", async () => {
  await using world = await startWorld();
  const context = world.context();
  const prices = await priceWorkers(context, fleet("a", 2, { volumeGb: 50 }));
  expect(prices.map(({ kind }) => kind)).toEqual(["worker", "worker", "volume", "volume"]);
  for (const { dph } of prices.slice(2)) {
    expect(dph).toBeGreaterThan(0);
    expect(dph).toBeLessThan(0.1);
  }
});

test("machines without room for the fleet's volumes do not count, and that is said", async () => {
  await using world = await startWorld();
  const context = world.context();
  const prices = await priceWorkers(context, fleet("a", 2, { volumeGb: 100_000 }));
  expect(dphOf(prices)).toEqual(["no machine", "no machine"]);
  expect(await marketInWords(context, prices)).toEqual([
    expect.stringMatching(
      /^no machine matches now \(of .* none with room for a volume of 100000 GB \(the most is \d+ GB\)\)/,
    ),
  ]);
});

test("a fleet that is larger than the market is told so", async () => {
  await using world = await startWorld();
  const context = world.context();
  const prices = await priceWorkers(context, fleet("a", 200));
  const { unplaced, unpriced, toRent } = fleetCost("a", prices);
  expect(toRent).toBe(200);
  expect(unplaced + unpriced).toBeGreaterThan(100);
  expect(await marketInWords(context, prices)).toEqual([expect.stringMatching(/, for \d+ of 200 workers$/)]);
});

test.for([
  [
    "the price",
    { offer: { ...inputs.offer, maxDph: 0.001 } },
    /none at \$0\.001\/h or less \(the least is \$0\.\d+\/h/,
  ],
  ["the disk", { disk: 90_000 }, /none with 90000 GB of disk \(the most is \d+ GB\)/],
  ["the country", { offer: { ...inputs.offer, countries: ["AQ"] } }, /none in AQ/],
] as const)(
  "where nothing matches, how many offers are left and what would do is said: %s",
  async ([, different, why]) => {
    await using world = await startWorld();
    const context = world.context();
    const prices = await priceWorkers(context, fleet("a", 2, { inputs: { ...inputs, ...different } }));
    expect(dphOf(prices)).toEqual(["no machine", "no machine"]);
    const [sentence] = await marketInWords(context, prices);
    expect(sentence).toMatch(/^no machine matches now \(of \d+ offers of 1x RTX 4090.*\): an `up` would rent none$/);
    expect(sentence).toMatch(why);
  },
);

test.for([
  ["a pinned offer", { ...inputs, offer: { id: 4711 } }],
  ["inputs that their own check refuses", { ...inputs, disk: 1 }],
  ["inputs that a preview does not know", undefined],
] as const)("of %s nothing is asked", async ([, different]) => {
  await using world = await startWorld();
  const prices = await priceWorkers(world.context(), fleet("a", 2, { inputs: different }));
  expect(dphOf(prices)).toEqual(["not known", "not known"]);
  expect(await world.requests("POST /api/v0/bundles/")).toEqual([]);
});

test("a service that does not answer is asked twice and no more: the preview goes on without prices", async () => {
  await using world = await startWorld();
  await using broken = await answeringServer([{ cut: "drop" }]);
  const clock = heldClock();
  const context = world.context({ endpoint: broken.url }, { clock, patience: PRICE_PATIENCE });
  await expect(priceWorkers(context, fleet("a", 2))).rejects.toThrow("connection to");
  expect(broken.requests).toHaveLength(2);
  expect(clock.elapsedS()).toBeLessThan(10);
});
