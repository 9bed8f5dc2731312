import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setState } from "../../../provider/api/instances.ts";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { readInstance } from "../../../provider/lifecycle/instance/read.ts";
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

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const diff = (world: VastWorld, { id, state }: Held, inputs: Inputs) =>
  diffInstance(world.context(), id, state, checked(inputs));
async function up(world: VastWorld, held: Held, inputs: Inputs): Promise<Held> {
  const { outs } = await updateInstance(world.context(), held.id, held.state, checked(inputs));
  return { id: held.id, state: outs as Held["state"] };
}

describe("a change of the program", () => {
  test("of nothing is no change", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    expect(await diff(world, held, worker())).toEqual({ changes: false, replaces: [], deleteBeforeReplace: true });
  });

  test("of the label is made in place", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    expect(await diff(world, held, worker({ label: "renamed" }))).toMatchObject({ changes: true, replaces: [] });
    await up(world, held, worker({ label: "renamed" }));
    expect(await world.instancesEver()).toMatchObject([{ id: Number(held.id), label: "renamed", actual: "running" }]);
  });

  test("of the bid is made in place", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ bid: 1.5 }));
    expect(await diff(world, held, worker({ bid: 2 }))).toMatchObject({ changes: true, replaces: [] });
    const after = await up(world, held, worker({ bid: 2 }));
    expect(await world.instances()).toMatchObject([{ dphBase: 2 }]);
    expect(after.state).toMatchObject({ bid: 2, dphCompute: 2 });
  });

  test.for<[string, Inputs, Inputs]>([
    ["disk", {}, { disk: 30 }],
    ["ports", {}, { ports: [8000] }],
    ["runtype", {}, { runtype: "args" }],
    ["offer", {}, { offer: { gpu: "RTX 3090" } }],
    ["bid", {}, { bid: 1.5 }],
    ["bid", { bid: 1.5 }, {}],
  ])("of the %s replaces, delete-first", async ([property, before, after]) => {
    await using world = await startWorld();
    const held = await create(world.context(), worker(before));
    const result = await diff(world, held, worker(after));
    expect(result).toEqual({ changes: true, replaces: [property], deleteBeforeReplace: true });
  });

  test("that widens or narrows criteria which the machine still meets keeps the machine", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    const cap = held.state.dph + 0.01;
    for (const offer of [
      { gpu: ["RTX 4090", "A100"] },
      { gpu: "RTX 4090", verified: false, minReliability: 0.5 },
      { gpu: "RTX 4090", maxDph: cap, countries: [String(await countryOf(world, held))] },
    ])
      expect(await diff(world, held, worker({ offer }))).toMatchObject({ replaces: [] });
  });

  test("that the machine no longer meets replaces it, and says why", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    const result = await diff(world, held, worker({ offer: { gpu: "RTX 4090", maxDph: 0.01 } }));
    expect(result.replaces).toContain("offer");
    expect(world.logs.join("\n")).toMatch(/over maxDph \$0\.010\/h → `up` replaces it/);
  });

  test("of the image says that the container is recreated, copies out first, and keeps machine and disk", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const copyOut = { target, paths: ["/workspace/out"] };
    const held = await create(world.context(), worker({ copyOut }));
    await world.write(Number(held.id), "/workspace/out/model.pt", "weights");
    const next = worker({ copyOut, image: "debian:12" });
    expect(await diff(world, held, next)).toMatchObject({ changes: true, replaces: [] });
    expect(world.logs.at(-1)).toContain("recreates the container");
    await up(world, held, next);
    expect(await world.instancesEver()).toMatchObject([{ id: Number(held.id), image: "debian:12", actual: "running" }]);
    expect(await storage.keys(target.bucket)).toEqual([`runs/${held.id}/workspace/out/model.pt`]);
  });

  test("of the image whose container never gets ready is kept in the state, and not made a second time", async () => {
    await using world = await startWorld({ speed: 2000 });
    const copyOut = { waive: "nothing of value is made here" };
    const held = await create(world.context(), worker({ copyOut }));
    const next = worker({
      copyOut,
      image: "debian:12",
      bootTimeout: 60,
      waitFor: "ready",
      readyWhen: { log: "never" },
    });
    const failure = (await up(world, held, next).catch((error: unknown) => error)) as Error & {
      properties: Held["state"];
    };
    expect(failure.message).toMatch(/is changed and kept, but not finished: .*not ready/);
    const after = { id: held.id, state: failure.properties };
    await up(world, after, worker({ copyOut, image: "debian:12" }));
    const recreations = await world.requests("PUT /api/v0/instances/update_template/{id}/");
    expect(recreations).toHaveLength(1);
  });
});

describe("a new registry login", () => {
  test("is kept for the next rental: no call takes it for a running contract, so nothing is recreated", async () => {
    await using world = await startWorld();
    // No copy-out is declared: a gate would refuse.
    const held = await create(world.context(), worker({ imageLogin: "-u a -p b registry.example" }));
    const next = worker({ imageLogin: "-u a -p c registry.example" });
    expect(await diff(world, held, next)).toMatchObject({ changes: true, replaces: [] });
    expect(world.logs.at(-1)).toBe("trainer-0: the new imageLogin is kept for the next rental");
    await world.forgetRequests();
    const after = await up(world, held, next);
    expect((await world.requests()).filter(({ method }) => method !== "GET")).toEqual([]);
    expect(after.state).toMatchObject({ imageLogin: "-u a -p c registry.example", status: "running" });
    expect(world.logs.join("\n")).not.toContain("-p c");
  });
});

async function countryOf(world: VastWorld, held: Held): Promise<string> {
  const offers = await world.admin<{ machine_id: number; geolocation: string }[]>("GET", "/offers");
  return offers.find(({ machine_id }) => machine_id === held.state.machineId)?.geolocation.slice(-2) ?? "";
}

describe("what happened behind our back is seen by a plain up, without a refresh", () => {
  const ask = (world: VastWorld, { id }: Held, state: "running" | "stopped") =>
    world.context().transport.call(setState, Number(id), state);

  test("a stop is repaired in place", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await ask(world, held, "stopped");
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    expect(await diff(world, held, worker())).toMatchObject({ changes: true, replaces: [] });
    expect(world.logs.at(-1)).toMatch(/is stopped and bills its disk → `up` repairs it in place/);
    const { state } = await up(world, held, worker());
    expect(state.status).toBe("running");
    expect(await world.instancesEver()).toHaveLength(1);
  });

  test("a crash is repaired in place", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.admin("POST", `/instances/${held.id}/crash`);
    expect(await diff(world, held, worker())).toMatchObject({ changes: true, replaces: [] });
    const { state } = await up(world, held, worker());
    expect(state.status).toBe("running");
  });

  test("an instance that should be stopped and runs is stopped", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    const stopped = await up(world, held, worker({ state: "stopped" }));
    expect(await world.instances()).toMatchObject([{ actual: "exited" }]);
    await ask(world, held, "running");
    await world.until(Number(held.id), ({ actual }) => actual === "running");
    expect(await diff(world, stopped, worker({ state: "stopped" }))).toMatchObject({ changes: true, replaces: [] });
    await up(world, stopped, worker({ state: "stopped" }));
    expect(await world.instances()).toMatchObject([{ actual: "exited" }]);
  });

  test("a stopped instance that shall run is started, not replaced", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ state: "stopped" }));
    expect(await diff(world, held, worker())).toMatchObject({ changes: true, replaces: [] });
    const { state } = await up(world, held, worker());
    expect(state.status).toBe("running");
  });

  test("an outbid worker is replaced, with the going price", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ bid: 1.5 }));
    await world.admin("POST", `/instances/${held.id}/preempt`);
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    expect((await diff(world, held, worker({ bid: 1.5 }))).replaces).toEqual(["status"]);
    expect(world.logs.at(-1)).toMatch(/was outbid \(going price \$.*→ `up` replaces it/);
  });

  test("an outbid worker that may rebid does so, up to its highest bid, and keeps it", async () => {
    await using world = await startWorld();
    const inputs = worker({ bid: 0.9, maxBid: 5, onInterruption: "rebid" });
    const held = await create(world.context(), inputs);
    await world.admin("POST", `/machines/${held.state.machineId}/price`, { minBidPerGpu: 2 });
    await world.admin("POST", `/instances/${held.id}/preempt`);
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    expect(await diff(world, held, inputs)).toMatchObject({ changes: true, replaces: [] });
    const after = await up(world, held, inputs);
    expect(after.state.status).toBe("running");
    expect(after.state.dphCompute).toBeGreaterThan(2);
    expect(after.state.dphCompute).toBeLessThanOrEqual(5);
    // Nothing is changed any more: a lower bid would only be beaten again.
    expect(await diff(world, after, inputs)).toMatchObject({ changes: false });
  });

  test("a bid that was raised so is kept by refresh and by the changes after it", async () => {
    await using world = await startWorld();
    const inputs = worker({ bid: 0.9, maxBid: 5, onInterruption: "rebid" });
    const held = await create(world.context(), inputs);
    await world.admin("POST", `/machines/${held.state.machineId}/price`, { minBidPerGpu: 2 });
    await world.admin("POST", `/instances/${held.id}/preempt`);
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    const raised = await up(world, held, inputs);
    const { props } = await readInstance(world.context(), held.id, raised.state);
    const refreshed = { id: held.id, state: props as Held["state"] };
    expect(await diff(world, refreshed, inputs)).toMatchObject({ changes: false });
    const renamed = worker({ bid: 0.9, maxBid: 5, onInterruption: "rebid", label: "renamed" });
    const after = await up(world, refreshed, renamed);
    expect(after.state).toMatchObject({ status: "running", label: "renamed", dphCompute: raised.state.dphCompute });
  });

  test("an outbid worker that must not be replaced is an error", async () => {
    await using world = await startWorld();
    const inputs = worker({ bid: 1.5, onInterruption: "fail" });
    const held = await create(world.context(), inputs);
    await world.admin("POST", `/instances/${held.id}/preempt`);
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    await expect(diff(world, held, inputs)).rejects.toThrow(/was outbid.*onInterruption is "fail"[\s\S]*raise `bid`/);
  });

  test("an instance that is gone is replaced", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.context().destroyer.destroy(Number(held.id));
    expect((await diff(world, held, worker())).replaces).toEqual(["contractId"]);
    expect(world.logs.at(-1)).toContain("is gone → `up` replaces it");
  });

  test("a worker on an offline host is left alone: the host may come back", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.admin("POST", `/machines/${held.state.machineId}/offline`);
    await world.until(Number(held.id), ({ actual }) => actual === "offline");
    expect(await diff(world, held, worker())).toMatchObject({ changes: false });
  });
});
