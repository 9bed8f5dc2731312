import { expect, test } from "vitest";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
import { readInstance } from "../../../provider/lifecycle/instance/read.ts";
import { create, type Held, startWorld, type VastWorld, worker } from "../../support/vast-world.ts";

const WORKERS = 8;
const RENT = "PUT /api/v0/asks/{id}/";
const LIST = "GET /api/v1/instances/";
const BULK_DESTROY = "DELETE /api/v0/instances/";

/** What arrived at the service since the last time, by endpoint. */
async function calls(world: VastWorld): Promise<Record<string, number>> {
  const requests = await world.requests();
  await world.forgetRequests();
  expect(requests.filter(({ status }) => status === 429)).toEqual([]);
  const counts: Record<string, number> = {};
  for (const { route } of requests) counts[route] = (counts[route] ?? 0) + 1;
  return counts;
}

test("a fleet of 8 is rented, refreshed and destroyed in as few calls as the service allows, without a single 429", async () => {
  await using world = await startWorld();
  const up = world.context();
  const names = Array.from({ length: WORKERS }, (_, n) => `trainer-${n}`);
  const fleet: Held[] = await Promise.all(
    names.map((name) => create(up, worker({ copyOut: { waive: "a test keeps nothing" } }, name))),
  );
  expect(await calls(world)).toMatchObject({ [RENT]: WORKERS, "GET /api/v0/users/current/": 1 });

  const refresh = world.context();
  await Promise.all(fleet.map(({ id, state }) => readInstance(refresh, id, state)));
  expect(await calls(world)).toEqual({ [LIST]: 1, "GET /api/v0/users/current/": 1 });

  const destroy = world.context();
  await Promise.all(fleet.map(({ id, state }) => deleteInstance(destroy, id, state)));
  const { [LIST]: listings, ...others } = await calls(world);
  expect(others).toEqual({ [BULK_DESTROY]: 1, "GET /api/v0/users/current/": 1 });
  // One to see what is there, and at least one as proof that it is gone.
  expect(listings).toBeGreaterThanOrEqual(2);
  expect(await world.instances()).toEqual([]);
});

test("two engine runs at once, with one key, call no faster than one", async () => {
  await using world = await startWorld();
  const names = Array.from({ length: WORKERS }, (_, n) => `trainer-${n}`);
  const contexts = [world.context(), world.context()];
  await Promise.all(names.map((name, n) => create(contexts[n % 2] ?? world.context(), worker({}, name))));
  // Both may choose the same offer; who comes second goes on to the next.
  const rented = (await world.requests(RENT)).filter(({ status }) => status === 200);
  expect(rented).toHaveLength(WORKERS);
  await calls(world);
});
