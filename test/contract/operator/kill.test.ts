import { expect, test } from "vitest";
import { destroyChosen } from "../../../operator/kill/destroy.ts";
import { rentOffer } from "../../../provider/api/instances.ts";
import type { Offer } from "../../../provider/api/offers.ts";
import { MARK_VARIABLE, makeMark, markOf, stackMarkPrefix } from "../../../provider/lifecycle/mark.ts";
import { startWorld, type VastWorld } from "../../support/vast-world.ts";

const mine = { project: "p", stack: "dev", owner: "o" };
const other = { project: "p", stack: "prod", owner: "o" };

/** Rented through the service, as fast as its limits let a fast clock. */
async function rent(world: VastWorld, count: number, identity: typeof mine): Promise<void> {
  const context = world.context();
  const machines = new Map<number, Offer>();
  while (machines.size < count) {
    const offers = await context.market.offers({
      filters: { rentable: { eq: true }, rented: { eq: false }, machine_id: { notin: [...machines.keys()] } },
      type: "on-demand",
      order: [["id", "asc"]],
      allocatedStorageGb: 10,
    });
    for (const offer of offers) machines.set(offer.machine_id, offer);
    expect(offers).not.toEqual([]);
  }
  for (const [n, offer] of [...machines.values()].slice(0, count).entries())
    await context.transport.call(rentOffer, offer.id, {
      image: "ubuntu:22.04",
      diskGb: 10,
      env: { [MARK_VARIABLE]: makeMark({ ...identity, name: `worker-${n}` }) },
      runtype: "ssh_direct",
      label: `${identity.stack}-worker-${n}`,
      bid: null,
      state: "running",
    });
}

test("200 instances of a stack are destroyed within a minute at the service's real limits, and another stack's stay", async () => {
  await using world = await startWorld({ speed: 2000, offers: 4000, credit: 1_000_000 });
  await rent(world, 200, mine);
  await rent(world, 2, other);
  expect(await world.instances()).toHaveLength(202);

  // The work of this machine counts too, as many times as the clock is fast.
  const speed = 2;
  await world.admin("POST", "/clock", { speed });
  await world.forgetRequests();
  const prefix = stackMarkPrefix(mine);
  const killed = await destroyChosen(world.context({ clockScale: speed }), (row) => {
    return markOf(row)?.startsWith(prefix) === true;
  });
  expect(killed).toMatchObject({ left: [], errors: [] });
  expect(killed.destroyed).toHaveLength(200);
  expect(killed.seconds).toBeLessThan(60);
  expect((await world.instances()).map(({ label }) => label)).toEqual(["prod-worker-0", "prod-worker-1"]);
  const requests = await world.requests();
  expect(requests.filter(({ status }) => status === 429)).toEqual([]);
  expect(requests.filter(({ method }) => method === "DELETE")).toHaveLength(Math.ceil(200 / 64));
  console.log(`kill of 200 instances: ${killed.seconds.toFixed(1)} s of the service, ${requests.length} calls`);
});

test("what an update rents while its stack is killed is destroyed too", async () => {
  await using world = await startWorld();
  await rent(world, 3, mine);
  const context = world.context();
  const prefix = stackMarkPrefix(mine);
  let late = false;
  const killed = await destroyChosen(
    {
      ...context,
      destroyer: {
        destroy: async (id) => {
          await context.destroyer.destroy(id);
          if (late) return;
          late = true;
          await rent(world, 1, mine);
        },
      },
    },
    (row) => markOf(row)?.startsWith(prefix) === true,
  );
  expect(killed.destroyed).toHaveLength(4);
  expect(await world.instances()).toEqual([]);
});

test("contracts whose destroy is refused are told as left, with the reason", async () => {
  await using world = await startWorld();
  await rent(world, 2, mine);
  for (const endpoint of ["DELETE /api/v0/instances/", "DELETE /api/v0/instances/{id}/"])
    await world.fault({ endpoint, kind: "status", status: 403, times: null });
  const killed = await destroyChosen(world.context(), () => true);
  expect(killed).toMatchObject({ destroyed: [], errors: [expect.stringContaining("403")] });
  expect(killed.left).toHaveLength(2);
  expect(await world.instances()).toHaveLength(2);
});
