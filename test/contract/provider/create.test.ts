import { describe, expect, test } from "vitest";
import { rentOffer } from "../../../provider/api/instances.ts";
import { searchOffers } from "../../../provider/api/offers.ts";
import { createInstance } from "../../../provider/lifecycle/instance/create.ts";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { readInstance } from "../../../provider/lifecycle/instance/read.ts";
import { MARK_VARIABLE } from "../../../provider/lifecycle/mark.ts";
import { API_KEY, checked, create, type Inputs, startWorld, type VastWorld, worker } from "../../support/vast-world.ts";

const RENT = "PUT /api/v0/asks/{id}/";
const SEARCH = "POST /api/v0/bundles/";
const LIST = "GET /api/v1/instances/";

describe("create", () => {
  test("rents exactly one machine, marked as this resource's, and says what it is and costs", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());

    const [contract, ...others] = await world.instancesEver();
    expect(others).toEqual([]);
    expect(id).toBe(String(contract?.id));
    expect(contract).toMatchObject({ actual: "running", isBid: false, diskGb: 20, label: "trainer-0" });
    expect(contract?.env).toContainEqual([MARK_VARIABLE, worker().mark]);
    expect(state).toMatchObject({
      gpu: "1x RTX 4090",
      status: "running",
      everRan: true,
      home: { endpoint: world.url },
    });
    expect(state.dph).toBeGreaterThan(state.dphCompute);
    expect(state.dph).toBeCloseTo(state.dphCompute + state.dphStorage, 5);
    expect(state.sshCommand).toMatch(/^ssh -p \d+ root@/);
  });

  test("leaves no trace of the API key in state, outputs or what is printed", async () => {
    await using world = await startWorld();
    const { state } = await create(world.context());
    const failed = await create(world.context(), worker({ offer: { gpu: "RTX 4090", maxDph: 0.001 } }, "other")).catch(
      String,
    );
    expect(JSON.stringify(state) + world.logs.join("\n") + failed).not.toContain(API_KEY);
    expect((await world.requests()).map(({ path }) => path).join("\n")).not.toContain(API_KEY);
  });

  test("takes the cheapest machine that fits, all-in", async () => {
    await using world = await startWorld();
    const { state } = await create(world.context(), worker({ disk: 200 }));

    type Row = {
      gpu_name: string;
      num_gpus: number;
      verification: string;
      reliability2: number;
      disk_space: number;
      dph_base: number;
      storage_cost: number;
      direct_port_count: number;
    };
    const offers = await world.admin<Row[]>("GET", "/offers");
    const fitting = offers.filter(
      (offer) =>
        offer.gpu_name === "RTX 4090" &&
        offer.num_gpus === 1 &&
        offer.verification === "verified" &&
        offer.reliability2 >= 0.95 &&
        offer.disk_space >= 200 &&
        offer.direct_port_count >= 1,
    );
    const cheapest = Math.min(...fitting.map((offer) => offer.dph_base + (200 * offer.storage_cost) / 720));
    expect(state.dph).toBeLessThanOrEqual(cheapest + 1e-5);
  });

  test("of an interruptible instance bids what was said, and gets one", async () => {
    await using world = await startWorld();
    await create(world.context(), worker({ bid: 1.5 }));
    expect(await world.instances()).toMatchObject([{ isBid: true, dphBase: 1.5, actual: "running" }]);
  });

  test("of a stopped instance starts nothing", async () => {
    await using world = await startWorld();
    const { state } = await create(world.context(), worker({ state: "stopped" }));
    expect(await world.instances()).toMatchObject([{ everRan: false, intended: "stopped" }]);
    expect(state.everRan).toBe(false);
  });
});

describe("a rental whose answer is lost", () => {
  test.for(["drop-after", "truncate", "wrong-shape"] as const)(
    "is found by its mark and never sent again (%s)",
    async (kind) => {
      await using world = await startWorld();
      await world.fault({ endpoint: RENT, kind });
      const { id } = await create(world.context());
      expect((await world.instancesEver()).map((contract) => String(contract.id))).toEqual([id]);
      expect(await world.requests(RENT)).toHaveLength(1);
      expect(world.logs.join("\n")).toContain("the answer to the rental was lost");
    },
  );

  test("and never came to be is an error, after which the next up rents once", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "drop-before" });
    await expect(create(world.context())).rejects.toThrow(
      /answer to the rental was lost.*nothing else was rented[\s\S]*pulumi up/,
    );
    expect(await world.instancesEver()).toEqual([]);
    expect(await world.requests(RENT)).toHaveLength(1);
    await create(world.context());
    expect(await world.instancesEver()).toHaveLength(1);
  });

  test("behind a gateway's error is looked for, not sent again", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "status", status: 502, body: "bad gateway" });
    await expect(create(world.context())).rejects.toMatchObject({ code: "unsure" });
    expect(await world.requests(RENT)).toHaveLength(1);
  });

  test("in an engine that died is taken up by the next one", async () => {
    await using world = await startWorld();
    await create(world.context());
    const again = await create(world.context());
    expect(await world.instancesEver()).toHaveLength(1);
    expect(again.id).toBe(String((await world.instances())[0]?.id));
    expect(world.logs.join("\n")).toContain("taken up, nothing rented");
  });
});

describe("two engines that create one resource at the same moment", () => {
  test("end with one contract, which both of them name", async () => {
    await using world = await startWorld();
    // An image that takes long to pull: neither runs before the other is seen.
    const inputs = worker({ image: "pytorch/pytorch:2.4.0", waitFor: "created" });
    const [one, two] = await Promise.all([create(world.context(), inputs), create(world.context(), inputs)]);
    const left = await world.instances();
    expect(left).toHaveLength(1);
    expect([one.id, two.id]).toEqual([String(left[0]?.id), String(left[0]?.id)]);
  });
});

describe("an offer that is gone", () => {
  test("leads to the next machine", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "offer-gone", times: 2 });
    await create(world.context());
    const rents = await world.requests(RENT);
    expect(rents.map(({ status }) => status)).toEqual([410, 410, 200]);
    expect(new Set(rents.map(({ path }) => path)).size).toBe(3);
    expect(await world.instancesEver()).toHaveLength(1);
  });

  test("when all are, is an error in the end, with nothing rented", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "offer-gone", times: null });
    await expect(create(world.context(), worker({ maxTries: 1 }))).rejects.toThrow(/no offer|none fits/);
    expect(await world.instancesEver()).toEqual([]);
  });

  test("when it was pinned, is an error: nobody asked for another", async () => {
    await using world = await startWorld();
    const [offer] = (await world.admin<{ id: number; num_gpus: number; rentable: boolean }[]>("GET", "/offers")).filter(
      ({ rentable }) => rentable,
    );
    await world.fault({ endpoint: RENT, kind: "offer-gone" });
    await expect(create(world.context(), worker({ offer: { id: offer?.id } }))).rejects.toThrow(
      `pinned offer ${offer?.id} is not on the market`,
    );
    expect(await world.instancesEver()).toEqual([]);
  });
});

describe("a machine that does not come up", () => {
  test.for([
    ["pull-stuck", "no progress for 2"],
    ["boot-fail", "the host gave up"],
    ["cuda-mismatch", "unsatisfied condition: cuda"],
  ] as const)("(%s) is destroyed, and another one rented", async ([kind, why]) => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind });
    const { id } = await create(world.context(), worker({ bootTimeout: 200 }));
    const ever = await world.instancesEver();
    expect(ever).toHaveLength(2);
    expect(new Set(ever.map(({ machineId }) => machineId)).size).toBe(2);
    expect((await world.instances()).map((contract) => String(contract.id))).toEqual([id]);
    expect(world.logs.join("\n")).toContain(why);
  });

  test("is given up after a bounded number of machines, all of them destroyed", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "boot-fail", times: null });
    await expect(create(world.context(), worker({ maxTries: 2 }))).rejects.toThrow(
      /2 machines in a row did not start[\s\S]*destroyed/,
    );
    expect(await world.instancesEver()).toHaveLength(2);
    expect(await world.instances()).toEqual([]);
  });

  test("because of its image is the only one tried: the image is as wrong elsewhere", async () => {
    await using world = await startWorld();
    await expect(create(world.context(), worker({ image: "team/does-not-exist:1" }))).rejects.toThrow(
      /cannot be pulled: .*manifest.*[\s\S]*was destroyed[\s\S]*check `image`/,
    );
    expect(await world.instancesEver()).toHaveLength(1);
    expect(await world.instances()).toEqual([]);
  });

  test("because its host went offline right away is given up for another", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    const creating = create(world.context(), worker({ bootTimeout: 5000 }));
    while ((await world.instances()).every(({ actual }) => actual !== "loading"));
    const [first] = await world.instances();
    await world.admin("POST", `/machines/${first?.machineId}/offline`);
    const { id } = await creating;
    expect((await world.instances()).map((contract) => String(contract.id))).toEqual([id]);
    expect(id).not.toBe(String(first?.id));
  });

  test("because its host went offline is kept when it ran before anybody looked: there may be results on it", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "host-offline", seconds: 30 });
    await world.fault({ endpoint: "GET /api/v1/instances/", kind: "delay", seconds: 200, times: 4 });
    await expect(create(world.context())).rejects.toThrow(/rented and kept in the state.*went offline while booting/);
    expect(await world.instances()).toHaveLength(1);
    expect(await world.instancesEver()).toHaveLength(1);
  });
});

describe("a rental that is not what was asked for", () => {
  test("because its price rose over the cap is destroyed and an error when nothing cheaper is left", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "price-rise", times: null, body: 5 });
    await expect(
      create(world.context(), worker({ maxTries: 1, offer: { gpu: "RTX 4090", maxDph: 0.9 } })),
    ).rejects.toThrow(/over maxDph \$0\.900/);
    expect((await world.instancesEver()).length).toBeGreaterThan(0);
    expect(await world.instances()).toEqual([]);
  });

  test("because its price rose over the cap is given up for a cheaper one", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "price-rise", body: 5 });
    const { id, state } = await create(world.context(), worker({ offer: { gpu: "RTX 4090", maxDph: 0.9 } }));
    expect(state.dph).toBeLessThanOrEqual(0.9);
    expect((await world.instances()).map((contract) => String(contract.id))).toEqual([id]);
    expect(await world.instancesEver()).toHaveLength(2);
  });
});

describe("an error that comes with a contract", () => {
  test("is answered by destroying that contract, and named", async () => {
    // The same seed gives the same numbers: which contract the answer has to name is learned in a world before.
    await using before = await startWorld();
    const new_contract = Number((await create(before.context())).id);
    await using world = await startWorld();
    const body = { success: false, error: "invalid_price", msg: "bid too low", new_contract };
    await world.fault({ endpoint: RENT, kind: "wrong-shape", body });
    await expect(create(world.context())).rejects.toThrow(/bid too low/);
    expect(await world.instancesEver()).toMatchObject([{ id: new_contract }]);
    expect(await world.instances()).toEqual([]);
    expect(world.logs.join("\n")).toContain(`still made contract ${new_contract}; destroying it`);
  });
});

describe("a contract that is rented and then cannot be followed", () => {
  test("because the list breaks is kept in the state with its id, so that destroy and the next up know it", async () => {
    await using world = await startWorld();
    const context = world.context();
    // Before the rental everything is fine; the first list after it, and all later ones, are odd.
    const rented = async () => (await world.instances()).length > 0;
    const creating = createInstance(context, checked(worker())).then(
      () => undefined,
      (error: unknown) => error as { id?: string; properties?: Record<string, unknown>; message: string },
    );
    while (!(await rented()));
    await world.fault({ endpoint: LIST, kind: "wrong-shape", times: null });
    const error = await creating;
    const [contract] = await world.instances();
    expect(error?.id).toBe(String(contract?.id));
    expect(error?.properties).toMatchObject({ contractId: contract?.id, mark: worker().mark });
    expect(error?.message).toContain(`contract ${contract?.id} is rented and kept in the state`);
  });

  test("because a dud cannot be destroyed is kept in the state too: it bills", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "boot-fail" });
    await world.fault({
      endpoint: "DELETE /api/v0/instances/{id}/",
      kind: "status",
      status: 400,
      times: null,
      body: { success: false, error: "invalid_args", msg: "not now" },
    });
    const error = await createInstance(world.context(), checked(worker())).catch((thrown: unknown) => thrown);
    const [contract, ...others] = await world.instances();
    expect(others).toEqual([]);
    expect(error).toMatchObject({ id: String(contract?.id), properties: { contractId: contract?.id } });
  });
});

describe("before anything is rented", () => {
  test("the key's account is known: a key that may not say it rents nothing", async () => {
    await using world = await startWorld();
    await world.fault({
      endpoint: "GET /api/v0/users/current/",
      kind: "status",
      status: 401,
      times: null,
      body: { success: false, error: "unauthorized", msg: "not allowed" },
    });
    await expect(create(world.context())).rejects.toMatchObject({ code: "auth" });
    expect(await world.instancesEver()).toEqual([]);
  });

  test("an engine that is gone is noticed: nobody would ever know of the machine", async () => {
    await using world = await startWorld();
    const context = world.context({}, { engineIsAlive: async () => false });
    await expect(create(context)).rejects.toThrow(/engine is gone; nothing was rented/);
    expect(await world.requests(RENT)).toEqual([]);
  });

  test("a wrong key is an auth error", async () => {
    await using world = await startWorld();
    await expect(create(world.context({ apiKey: "wrong" }))).rejects.toMatchObject({ code: "auth" });
  });

  test("criteria that nothing meets say why", async () => {
    await using world = await startWorld();
    await expect(create(world.context(), worker({ offer: { gpu: "RTX 4090", maxDph: 0.001 } }))).rejects.toThrow(
      /no offer on the market matches[\s\S]*widen `offer`[\s\S]*nothing was rented/,
    );
  });
});

describe("the workers of a fleet", () => {
  test("are spread over distinct machines while there are any, and all get one in any case", async () => {
    await using world = await startWorld();
    const context = world.context();
    const offer = { gpu: ["RTX 4090", "RTX 3090", "A100"], verified: false, minReliability: 0 };
    const names = Array.from({ length: 8 }, (_, n) => `fleet-worker-${n}`);
    const all = await Promise.all(names.map((name) => create(context, worker({ offer }, name))));
    expect(new Set(all.map(({ state }) => state.machineId)).size).toBe(8);
  });
});

describe("fifty workers at once", () => {
  test("are rented in fifty calls, without a single refusal", async () => {
    await using world = await startWorld({ offers: 2000, speed: 60 });
    const context = world.context();
    const offer = { gpu: ["RTX 4090", "RTX 3090", "RTX 5090", "A100", "H100"], verified: false, minReliability: 0 };
    const names = Array.from({ length: 50 }, (_, n) => `fleet-worker-${n}`);
    const all = await Promise.all(names.map((name) => create(context, worker({ offer, waitFor: "created" }, name))));

    expect(new Set(all.map(({ id }) => id)).size).toBe(50);
    // One search shows some 24 machines: further ones are shared by all workers.
    expect(new Set(all.map(({ state }) => state.machineId)).size).toBe(50);
    expect(await world.instancesEver()).toHaveLength(50);
    const requests = await world.requests();
    expect(requests.filter(({ route }) => route === SEARCH).length).toBeLessThanOrEqual(8);
    expect(requests.filter(({ status }) => status === 429)).toEqual([]);
    expect(requests.filter(({ route }) => route === RENT)).toHaveLength(50);
  });
});

describe("a contract with this resource's mark from before", () => {
  test("that is not what the program asks for now is kept with what it is, so that the next up replaces it", async () => {
    await using world = await startWorld();
    const { id } = await create(world.context(), worker({ disk: 20 }));
    // The engine was killed before it wrote its state; then the program was changed.
    const error = await createInstance(world.context(), checked(worker({ disk: 40 }))).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      id,
      message: expect.stringMatching(/disk is 20 GB instead of 40.*will replace it/) as string,
      properties: { disk: 20, everRan: true },
    });
    expect((await world.instances()).map((contract) => String(contract.id))).toEqual([id]);
  });

  test.for([
    ["image", { image: "ubuntu:24.04" }],
    ["env", { env: { EPOCHS: "4" } }],
    ["onstart", { onstart: "bash /workspace/other.sh" }],
  ] as const)(
    "whose %s was another is recorded with that: the next up recreates the container",
    async ([key, change]) => {
      await using world = await startWorld();
      const before = { env: { EPOCHS: "3" }, onstart: "bash /workspace/train.sh", ports: [8000, "8081/udp"] };
      const { id } = await create(world.context(), worker(before));
      const now = checked(worker({ ...before, ...change }));
      const error = await createInstance(world.context(), now).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        id,
        message: expect.stringMatching(`its ${key} differs.*recreate its container`) as string,
        properties: { ...before, image: "ubuntu:22.04", everRan: true },
      });
      const { properties } = error as { properties: Inputs };
      expect(await diffInstance(world.context(), id, properties, now)).toMatchObject({ changes: true, replaces: [] });
      expect(world.logs.join("\n")).toContain(`a new ${key} recreates the container`);
      expect(await world.instancesEver()).toHaveLength(1);
    },
  );

  test("whose ports were others is recorded with those: the next up replaces it", async () => {
    await using world = await startWorld();
    const { id } = await create(world.context(), worker({ ports: [8000, "8081/udp"] }));
    const now = checked(worker({ ports: [8000, 9000] }));
    const error = await createInstance(world.context(), now).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ id, properties: { ports: [8000, "8081/udp"] } });
    const { properties } = error as { properties: Inputs };
    expect(await diffInstance(world.context(), id, properties, now)).toMatchObject({ replaces: ["ports"] });
  });

  test("with a long start script, which is sent wrapped, is taken up as the same", async () => {
    await using world = await startWorld();
    const inputs = worker({ onstart: `echo ${"step ".repeat(1000)}` });
    const first = await create(world.context(), inputs);
    const again = await create(world.context(), inputs);
    expect(again.id).toBe(first.id);
    expect(again.state).toMatchObject({ onstart: inputs.onstart });
  });

  test("and another one that has run too is no duplicate to be destroyed: both are kept", async () => {
    await using world = await startWorld();
    await create(world.context());
    const hidden = await world.fault({ endpoint: LIST, kind: "omit-from-list", times: null });
    // A second run that does not see the first contract rents another one, and is killed before it sees both.
    const killed = new AbortController();
    const { clock } = world.context();
    const mortal = { ...clock, sleep: (seconds: number) => clock.sleep(seconds, killed.signal) };
    const second = create(world.context({}, { clock: mortal })).catch(() => undefined);
    while ((await world.instances()).length < 2);
    const [first, other] = await world.instances();
    await world.until(Number(other?.id), ({ actual }) => actual === "running");
    await world.admin("POST", `/instances/${other?.id}/crash`);
    killed.abort();
    await second;
    await world.admin("DELETE", `/faults/${hidden.id}`);
    const refused = await createInstance(world.context(), checked(worker())).catch((error: unknown) => error);
    expect(String((refused as Error).message)).toMatch(/both carry this resource's mark[\s\S]*may have run/);
    // The state gets to know the older one: no state at all would forget two machines that bill.
    expect(refused).toMatchObject({ id: String(first?.id) });
    expect((await world.instances()).map(({ id }) => id)).toEqual([first?.id, other?.id]);
  });
});

describe("a job that is over before anybody looks", () => {
  test("is kept with its disk: a short job is no dud", async () => {
    await using world = await startWorld();
    await world.admin("POST", "/workloads", { model: "no-cuda" });
    await createInstance(world.context(), checked(worker({ bootTimeout: 100, maxTries: 2 }))).catch(() => undefined);
    const ever = await world.instancesEver();
    expect(ever).toHaveLength(1);
    expect(ever[0]?.destroyedAt).toBeNull();
  });
});

describe("adopting a contract that was made elsewhere", () => {
  /** A contract without a mark, as the console makes them. */
  async function madeElsewhere(world: VastWorld, bid?: number): Promise<number> {
    const [best] = await world.context().transport.call(searchOffers, {
      filters: { gpu_name: { eq: "RTX 4090" }, num_gpus: { eq: 1 }, verified: { eq: true } },
      type: bid === undefined ? "on-demand" : "bid",
      order: [["reliability2", "desc"]],
      allocatedStorageGb: 30,
    });
    const request = { image: "ubuntu:22.04", diskGb: 30, env: {}, runtype: "ssh", label: "by hand", bid: bid ?? null };
    const id = await world.context().transport.call(rentOffer, best?.id ?? 0, { ...request, state: "running" });
    await world.until(id, ({ actual }) => actual === "running");
    return id;
  }

  test("takes it into the state by its id, and neither rents nor changes anything", async () => {
    await using world = await startWorld();
    const id = await madeElsewhere(world);
    const held = await create(world.context(), worker({ adopt: id, disk: 30 }));
    expect(held).toMatchObject({ id: String(id), state: { contractId: id, everRan: true } });
    expect(await world.instancesEver()).toMatchObject([{ id, image: "ubuntu:22.04", label: "by hand" }]);
    const inputs = checked(worker({ adopt: id, disk: 30 }));
    expect(await diffInstance(world.context(), held.id, held.state, inputs)).toMatchObject({ changes: false });
    expect(await readInstance(world.context(), held.id, held.state)).toMatchObject({ id: String(id) });
  });

  test.for([
    ["its disk", undefined, { disk: 40 }, /disk of 30 GB, the program says 40[\s\S]*`disk: 30`/],
    ["being interruptible", 1.5, { disk: 30 }, /is interruptible, the program says on demand[\s\S]*`bid: 1.5`/],
    ["being on demand", undefined, { disk: 30, bid: 1 }, /is rented on demand, the program bids/],
  ] as const)(
    "is refused when %s is not as the program says: it could never become so",
    async ([, bid, given, why]) => {
      await using world = await startWorld();
      const id = await madeElsewhere(world, bid);
      await expect(create(world.context(), worker({ adopt: id, ...given }))).rejects.toThrow(why);
      expect(await world.instances()).toMatchObject([{ id, actual: "running" }]);
    },
  );

  test("that is gone says how to go on", async () => {
    await using world = await startWorld();
    await expect(create(world.context(), worker({ adopt: 5 }))).rejects.toThrow(
      /contract 5 is not in this account[\s\S]*take `adopt` out/,
    );
  });
});
