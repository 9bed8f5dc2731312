import { describe, expect, test } from "vitest";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { startAlteringProxy } from "../../support/altering-proxy.ts";
import { API_KEY, checked, create, startWorld, worker } from "../../support/vast-world.ts";

const RENT = "PUT /api/v0/asks/{id}/";
const isRental = (method: string, path: string) => method === "PUT" && path.startsWith("/api/v0/asks/");

describe("a service that rents something else than was asked for", () => {
  test.for([
    ["on demand for a bid", { price: null }, { bid: 0.3 }, "it is billed on demand, a bid was given"],
    ["a smaller disk", { disk: 10 }, { disk: 40 }, "its disk is 10 GB instead of 40"],
  ] as const)(
    "(%s) gets the machine back at once, and the error says what it was",
    async ([, otherwise, asked, why]) => {
      await using world = await startWorld();
      await using proxy = await startAlteringProxy(world.url, (method, path, body) =>
        isRental(method, path) ? { ...body, ...otherwise } : body,
      );
      const context = world.context({ endpoint: proxy.url });
      await expect(create(context, worker({ ...asked, maxTries: 1 }))).rejects.toThrow(why);
      expect((await world.instancesEver()).length).toBeGreaterThan(0);
      expect(await world.instances()).toEqual([]);
    },
  );
});

test.for([
  [
    "says that it was withdrawn",
    { kind: "status", status: 410, body: { success: false, error: "deprecated_endpoint" } },
  ],
  [
    "is an empty text",
    { kind: "wrong-shape", body: { success: true, total_instances: 0, next_token: null, instances: "" } },
  ],
  ["is a page of HTML", { kind: "html", status: 200 }],
] as const)("an up whose listing %s is an error: nothing is replaced, nothing rented", async ([, fault]) => {
  await using world = await startWorld();
  const { id, state } = await create(world.context());
  await world.forgetRequests();
  await world.fault({ endpoint: "GET /api/v1/instances/", times: null, ...fault });
  await expect(diffInstance(world.context(), id, state, checked(worker({ label: "renamed" })))).rejects.toThrow();
  await expect(create(world.context(), worker({}, "trainer-1"))).rejects.toThrow();
  expect(await world.requests(RENT)).toEqual([]);
});

test("the account's key is not handed to the machine that is rented with it", async () => {
  await using world = await startWorld();
  await create(world.context(), worker({ env: { MODE: "train" }, onstart: "echo $MODE" }));
  const [contract] = await world.instances();
  expect(contract?.env).toContainEqual(["MODE", "train"]);
  expect(JSON.stringify(contract)).not.toContain(API_KEY);
});
