import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isVastError } from "../../../provider/api/errors.ts";
import { rentOffer, setBid, setState } from "../../../provider/api/instances.ts";
import { searchOffers } from "../../../provider/api/offers.ts";
import { listParked } from "../../../provider/copy-out/parked.ts";
import { createInstance } from "../../../provider/lifecycle/instance/create.ts";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { readInstance } from "../../../provider/lifecycle/instance/read.ts";
import { updateInstance } from "../../../provider/lifecycle/instance/update.ts";
import { createVolume } from "../../../provider/lifecycle/volume.ts";
import { volumeInputsSchema } from "../../../provider/lifecycle/volume-inputs.ts";
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

const NOTHING_TO_KEEP = { waive: "this test keeps nothing" };
const id = (held: Held) => Number(held.id);

/** One plain `up` of one resource, with what the engine keeps of it: diff, then what the diff asks for. */
async function up(world: VastWorld, held: Held, inputs: Inputs): Promise<Held & { did: string }> {
  const context = world.context();
  const news = checked(inputs);
  const { changes, replaces = [] } = await diffInstance(context, held.id, held.state, news);
  if (replaces.length > 0) {
    await deleteInstance(context, held.id, held.state);
    const { id, outs } = await createInstance(context, news);
    return { id, state: outs as Held["state"], did: `replaced (${replaces.join(", ")})` };
  }
  if (!changes) return { ...held, did: "nothing" };
  const { outs } = await updateInstance(context, held.id, held.state, news);
  return { id: held.id, state: outs as Held["state"], did: "updated" };
}

const preview = (world: VastWorld, held: Held, inputs: Inputs) =>
  diffInstance(world.context(), held.id, held.state, checked(inputs));
const later = (world: VastWorld, seconds: number) => world.admin("POST", "/clock", { wait: seconds });
const said = (world: VastWorld) => world.logs.join("\n");

async function preempt(world: VastWorld, held: Held, minBidPerGpu?: number): Promise<void> {
  if (minBidPerGpu !== undefined)
    await world.admin("POST", `/machines/${held.state.machineId}/price`, { minBidPerGpu });
  await world.admin("POST", `/instances/${held.id}/preempt`);
  await world.until(id(held), ({ actual }) => actual === "exited");
}

async function takeOffline(world: VastWorld, held: Held): Promise<void> {
  await world.admin("POST", `/machines/${held.state.machineId}/offline`);
  await world.until(id(held), ({ actual }) => actual === "offline");
}

/** Stops a worker, rents every GPU of its machine to somebody else, and asks it to run again. */
async function loseGpu(world: VastWorld, held: Held): Promise<number[]> {
  const { transport } = world.context();
  await transport.call(setState, id(held), "stopped");
  await world.until(id(held), ({ actual }) => actual === "exited");
  const rented = await rentAll(world, held);
  await transport.call(setState, id(held), "running").catch((error: unknown) => {
    if (!isVastError(error, "refused")) throw error;
  });
  await world.until(id(held), ({ cur, intended }) => cur === "stopped" && intended === "running");
  return rented;
}

/** Rents what is free of a worker's machine to somebody else, on demand. */
async function rentAll(world: VastWorld, held: Held): Promise<number[]> {
  await world.admin("POST", "/accounts", { apiKey: "a-neighbour", credit: 1000 });
  const neighbour = world.context({ apiKey: "a-neighbour" }).transport;
  const rented: number[] = [];
  for (;;) {
    const free = await neighbour.call(searchOffers, {
      filters: { machine_id: { eq: held.state.machineId }, num_gpus: { eq: 1 } },
      type: "on-demand",
      order: [["id", "asc"]],
      allocatedStorageGb: 8,
    });
    if (free.length === 0) return rented;
    const request = { image: "ubuntu:22.04", diskGb: 8, env: {}, runtype: "ssh", label: "other", bid: null };
    rented.push(await neighbour.call(rentOffer, free[0]?.id ?? 0, { ...request, state: "running" }));
  }
}

describe("an outbid worker", () => {
  const spot = (different: Inputs = {}) => worker({ bid: 1.5, copyOut: NOTHING_TO_KEEP, ...different });

  test("that the service goes on wanting to run is told from one that boots by the up that takes it up; the next replaces it", async () => {
    await using world = await startWorld({ choices: { preemptedIntendedStatus: "running" } });
    const held = await create(world.context(), spot());
    await preempt(world, held);
    const failure = await createInstance(world.context(), checked(spot())).then(
      () => undefined,
      (error: Error & { properties: Held["state"] }) => error,
    );
    expect(failure?.message).toMatch(/rented and kept in the state, but not finished: the bid was beaten/);
    const after = await up(world, { id: held.id, state: failure?.properties ?? held.state }, spot());
    expect(after.did).toBe("replaced (status)");
    expect(await world.instances()).toMatchObject([{ id: Number(after.id) }]);
  });

  test("is replaced on another machine", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), spot());
    await preempt(world, held);
    const after = await up(world, held, spot());
    expect(after.did).toBe("replaced (status)");
    expect(said(world)).toMatch(/was outbid \(going price \$.*→ `up` replaces it/);
    expect(after.state).toMatchObject({ status: "running", interruptible: true });
    expect(after.state.machineId).not.toBe(held.state.machineId);
    expect(await world.instances()).toHaveLength(1);
  });

  test.each(["stopped", "running"] as const)(
    "bids again, never above maxBid, and the price is read back; intended_status is %s",
    async (preemptedIntendedStatus) => {
      await using world = await startWorld({ choices: { preemptedIntendedStatus } });
      const inputs = spot({ bid: 0.9, maxBid: 2.01, onInterruption: "rebid" });
      const held = await create(world.context(), inputs);
      await preempt(world, held, 2);
      const after = await up(world, held, inputs);
      expect(after.did).toBe("updated");
      expect(after.state).toMatchObject({ status: "running", dphCompute: 2.01 });
    },
  );

  test("whose going price is over maxBid is replaced, and the reason names both", async () => {
    await using world = await startWorld();
    const inputs = spot({ bid: 0.9, maxBid: 1.9, onInterruption: "rebid" });
    const held = await create(world.context(), inputs);
    await preempt(world, held, 2);
    const after = await up(world, held, inputs);
    expect(after.did).toBe("replaced (status)");
    expect(said(world)).toMatch(/going price \$2\.000\/h\), over what may be bid \(maxBid \$1\.900\/h/);
    expect(after.state.dphCompute).toBeLessThanOrEqual(0.9);
  });

  test("whose going price fits maxBid but not maxDph, disk included, is replaced", async () => {
    await using world = await startWorld();
    const inputs = spot({ bid: 0.9, maxBid: 5, onInterruption: "rebid", offer: { gpu: "RTX 4090", maxDph: 2 } });
    const held = await create(world.context(), inputs);
    await preempt(world, held, 2);
    expect((await up(world, held, inputs)).did).toBe("replaced (status)");
  });

  test.each(["stopped", "running"] as const)(
    "that must not be replaced is an error; intended_status is %s",
    async (preemptedIntendedStatus) => {
      await using world = await startWorld({ choices: { preemptedIntendedStatus } });
      const held = await create(world.context(), spot());
      await preempt(world, held);
      await expect(preview(world, held, spot({ onInterruption: "fail" }))).rejects.toThrow(/onInterruption is "fail"/);
    },
  );
});

describe("a worker that waits for its GPU, which is rented to another", () => {
  test("is replaced elsewhere", async () => {
    await using world = await startWorld();
    const inputs = worker({ copyOut: NOTHING_TO_KEEP });
    const held = await create(world.context(), inputs);
    await loseGpu(world, held);
    const after = await up(world, held, inputs);
    expect(after.did).toBe("replaced (status)");
    expect(said(world)).toContain(
      `contract ${held.id} waits for its GPU, which is rented to another → \`up\` replaces it`,
    );
    expect(after.state.status).toBe("running");
    expect(after.state.machineId).not.toBe(held.state.machineId);
  });

  test("is replaced on its machine when its volume is there, once the volume is free", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const machineId = await roomyMachine(world);
    const given = { mark: "feedface".repeat(4), name: "ckpt", size: 20, machineId, copyOut: { target } };
    const { id: volumeId } = await createVolume(world.context(), volumeInputsSchema.parse(given));
    const offer = { gpu: "RTX 4090", verified: false, minReliability: 0 };
    const volume = { id: volumeId, machineId, mountPath: "/data" };
    const inputs = checked(worker({ offer, copyOut: { target, paths: ["/workspace/out"] }, volume }));
    const held = await create(world.context(), inputs);
    const neighbours = await loseGpu(world, held);

    const context = world.context();
    expect((await diffInstance(context, held.id, held.state, inputs)).replaces).toEqual(["status"]);
    await deleteInstance(context, held.id, held.state);
    // Nobody else's machine will do, so one of the neighbours has to leave.
    await world.context({ apiKey: "a-neighbour" }).destroyer.destroy(neighbours[0] ?? 0);
    const after = await createInstance(context, inputs);
    expect(after.outs).toMatchObject({ status: "running", machineId });
    expect((await world.volumes()).map((row) => row.id)).toEqual([Number(volumeId)]);
  });
});

describe("a worker that cannot be started again, its GPU being rented to another", () => {
  test.for([
    ["outbid", { bid: 0.9, maxBid: 2, onInterruption: "rebid" }],
    ["stopped", {}],
  ] as const)("(%s) is kept by the up that finds out, and replaced by the next one", async ([how, different]) => {
    await using world = await startWorld();
    const inputs = worker({ copyOut: NOTHING_TO_KEEP, ...different });
    const held = await create(world.context(), inputs);
    if (how === "outbid") await preempt(world, held);
    else await world.context().transport.call(setState, id(held), "stopped");
    await world.until(id(held), ({ actual }) => actual === "exited");
    await rentAll(world, held);

    const failure = (await up(world, held, inputs).catch((error: unknown) => error)) as {
      message: string;
      properties: Held["state"];
    };
    expect(failure.message).toMatch(/is rented to another; the queued start was taken back.*\n.*`pulumi up` again/);
    expect(await own(world, inputs)).toMatchObject([{ id: id(held), intended: "stopped" }]);
    // A refresh in between does not forget it.
    const { props } = await readInstance(world.context(), held.id, failure.properties);
    const after = await up(world, { id: held.id, state: props as Held["state"] }, inputs);

    expect(after.did).toBe("replaced (status)");
    expect(said(world)).toContain(`contract ${held.id} could not be started again: its GPU is rented to another`);
    expect(after.state).toMatchObject({ status: "running" });
    expect(after.state.machineId).not.toBe(held.state.machineId);
    expect(await own(world, inputs)).toMatchObject([{ id: id(after) }]);
  });
});

/** The contracts that carry a worker's mark. */
async function own(world: VastWorld, { mark }: Inputs) {
  return (await world.instances()).filter(({ env }) => env.some(([, value]) => value === mark));
}

/** A machine with several cards, each rentable, and room for a volume. */
async function roomyMachine(world: VastWorld): Promise<number> {
  type Row = {
    machine_id: number;
    num_gpus: number;
    gpu_name: string;
    rentable: boolean;
    verification: string;
    avail_vol_size: number | null;
    direct_port_count: number;
  };
  const singles = (await world.admin<Row[]>("GET", "/offers")).filter(
    ({ gpu_name, verification, rentable, num_gpus, avail_vol_size, direct_port_count }) =>
      gpu_name === "RTX 4090" &&
      verification === "verified" &&
      rentable &&
      num_gpus === 1 &&
      (avail_vol_size ?? 0) >= 20 &&
      direct_port_count >= 4,
  );
  const roomy = singles.find((row, n) => singles.findIndex(({ machine_id }) => machine_id === row.machine_id) !== n);
  if (!roomy) throw new Error("no machine has two cards and room for a volume");
  return roomy.machine_id;
}

describe("a worker past its expiry", () => {
  const inputs = worker({ maxDurationHours: 1, copyOut: NOTHING_TO_KEEP });

  test("is stopped in place, and then neither started nor replaced, until its expiry is later", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), inputs);
    expect(held.state.expiry).toBe(Math.round(Number(held.state.startDate) + 3600));
    await later(world, 3700);
    expect(await preview(world, held, inputs)).toMatchObject({ changes: true, replaces: [] });
    expect(said(world)).toMatch(/past its expiry .*\(maxDurationHours 1\): it is stopped in place/);
    const stopped = await up(world, held, inputs);
    expect(await world.instances()).toMatchObject([{ id: id(held), actual: "exited" }]);
    expect((await up(world, stopped, inputs)).did).toBe("nothing");
    expect(world.logs.at(-1)).toMatch(/nothing is started or replaced for it; `pulumi destroy` ends it/);
    const { props } = await readInstance(world.context(), held.id, stopped.state);
    expect((await up(world, { id: held.id, state: props as Held["state"] }, inputs)).did).toBe("nothing");
    const revived = await up(world, stopped, worker({ maxDurationHours: 100, copyOut: NOTHING_TO_KEEP }));
    expect(revived.state.status).toBe("running");
    expect(await world.instancesEver()).toHaveLength(1);
  });

  test("is not replaced when it was outbid meanwhile", async () => {
    await using world = await startWorld();
    const spot = { ...inputs, bid: 1.5 };
    const held = await create(world.context(), spot);
    await preempt(world, held);
    await later(world, 3700);
    expect((await up(world, held, spot)).did).toBe("nothing");
  });

  test("that lies in the past already is not rented", async () => {
    await using world = await startWorld();
    const past = checked(worker({ expiresAt: "2020-01-01T00:00:00Z" }));
    await expect(createInstance(world.context(), past)).rejects.toThrow(/is past.*\n.*set a later `expiresAt`/);
    expect(await world.instancesEver()).toEqual([]);
  });
});

describe("a worker on an offline host", () => {
  const saved = (target: unknown, onOffline: string) =>
    worker({ copyOut: { target, paths: ["/workspace/out"] }, onOffline });

  test("is left alone by default, with the reason, and a destroy waits", async () => {
    await using world = await startWorld();
    const inputs = saved(await storage.connect(world), "block");
    const held = await create(world.context(), inputs);
    await takeOffline(world, held);
    expect((await up(world, held, inputs)).did).toBe("nothing");
    expect(world.logs.at(-1)).toMatch(/is offline; it bills nothing meanwhile. `onOffline: "park"` would rent another/);
    await expect(deleteInstance(world.context(), held.id, held.state)).rejects.toThrow(/its host is offline/);
    expect(await world.instances()).toHaveLength(1);
  });

  test("that may be parked is replaced; its contract is on record, and nobody takes it up again", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const inputs = saved(target, "park");
    const held = await create(world.context(), inputs);
    await takeOffline(world, held);
    expect((await preview(world, held, inputs)).replaces).toEqual(["status"]);
    expect(said(world)).toMatch(
      /is parked: not destroyed, but on record in s3:\/\/.*parked\/\d+\.json → `up` replaces it/,
    );
    const after = await up(world, held, inputs);
    expect(said(world)).toMatch(/PARKED: trainer-0: .*NOT destroyed/);
    expect(after.state.status).toBe("running");
    expect(after.state.machineId).not.toBe(held.state.machineId);
    expect(await listParked(target)).toMatchObject([
      { contract: id(held), mark: inputs.mark, label: "trainer-0", machine: held.state.machineId },
    ]);
    expect((await world.instances()).map((contract) => contract.id)).toEqual([id(held), id(after)]);
    // A later run whose state was lost takes up the successor, whether or not the host is back.
    await world.admin("POST", `/machines/${held.state.machineId}/online`);
    expect((await create(world.context(), inputs)).id).toBe(after.id);
    expect(await world.instancesEver()).toHaveLength(2);
  });

  test("is never parked by a destroy", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await create(world.context(), saved(target, "park"));
    await takeOffline(world, held);
    await expect(deleteInstance(world.context(), held.id, held.state)).rejects.toThrow(/its host is offline/);
    expect(await listParked(target)).toEqual([]);
  });

  test("is kept when it cannot be put on record", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await create(world.context(), saved(target, "park"));
    await takeOffline(world, held);
    const elsewhere = { ...target, bucket: "no-such-bucket" };
    const state = { ...held.state, copyOut: { ...held.state.copyOut, target: elsewhere } } as Held["state"];
    await expect(up(world, { id: held.id, state }, saved(elsewhere, "park"))).rejects.toThrow(/no-such-bucket/);
    expect((await world.instances()).map((contract) => contract.id)).toEqual([id(held)]);
  });
});

describe("a worker that hangs in its boot", () => {
  const inputs = worker({ waitFor: "created", bootTimeout: 300 });

  test("is given time while it may still come up", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    const patient = worker({ waitFor: "created", bootTimeout: 30_000 });
    const held = await create(world.context(), patient);
    await later(world, 600);
    expect((await up(world, held, patient)).did).toBe("nothing");
  });

  test("for too long is replaced on another machine, with nothing to copy: it never ran", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    const held = await create(world.context(), inputs);
    await later(world, 1300);
    const after = await up(world, held, inputs);
    expect(after.did).toBe("replaced (status)");
    expect(said(world)).toMatch(
      /does not come up: (not running after|no progress for) \d+ s while loading.*→ `up` replaces it/,
    );
    expect(after.state.machineId).not.toBe(held.state.machineId);
    expect(await world.instances()).toMatchObject([{ id: id(after) }]);
  });

  test("and says nothing new between two refreshes is replaced earlier", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    const held = await create(world.context(), inputs);
    await later(world, 200);
    const { props } = await readInstance(world.context(), held.id, held.state);
    await later(world, 400);
    expect((await preview(world, { id: held.id, state: props as Held["state"] }, inputs)).replaces).toEqual(["status"]);
    expect(said(world)).toMatch(/does not come up: no progress for \d+ s/);
  });

  test("and was left by an earlier run is given up by the one that takes it up: nothing ever ran there", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    const left = await create(world.context(), inputs);
    const held = await create(world.context(), worker({ bootTimeout: 300, maxTries: 1 }));
    expect(said(world)).toMatch(/taken up, nothing rented[\s\S]*no progress for \d+ s.*destroying it/);
    expect(held.state).toMatchObject({ status: "running" });
    expect(held.state.machineId).not.toBe(left.state.machineId);
    expect(await world.instances()).toMatchObject([{ id: id(held) }]);
  });

  test("and has run before is kept by the one that takes it up: there may be results on it", async () => {
    await using world = await startWorld();
    const left = await create(world.context(), worker());
    await world.fault({ endpoint: "boot", kind: "boot-fail", times: null });
    await takeOffline(world, left);
    await world.admin("POST", `/machines/${left.state.machineId}/online`);
    await expect(createInstance(world.context(), checked(worker({ bootTimeout: 300 })))).rejects.toThrow(
      /rented and kept in the state/,
    );
    expect(await world.instances()).toMatchObject([{ id: id(left) }]);
  });
});

describe("a worker that never started", () => {
  test.for([
    ["boot-fail", "ubuntu:22.04", /the host of contract \d+ gave it up \(.*→ `up` replaces it/],
    ["cuda-mismatch", "ubuntu:22.04", /unsatisfied condition: cuda/],
  ] as const)("because of its host (%s) is replaced on another machine", async ([kind, image, why]) => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind });
    const inputs = worker({ waitFor: "created", image });
    const held = await create(world.context(), inputs);
    await later(world, 900);
    const after = await up(world, held, inputs);
    expect(after.did).toBe("replaced (status)");
    expect(said(world)).toMatch(why);
    expect(after.state.machineId).not.toBe(held.state.machineId);
  });

  test("because of its image is replaced with the corrected one, and the message of the registry is shown", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ waitFor: "created", image: "team/does-not-exist:1" }));
    await later(world, 900);
    const after = await up(world, held, worker());
    expect(after.did).toMatch(/replaced/);
    expect(said(world)).toMatch(/the image of contract \d+ cannot be had \(.*manifest/);
    expect(after.state.status).toBe("running");
  });
});

describe("other things that a plain up repairs", () => {
  test("a price over the cap: replaced", async () => {
    await using world = await startWorld();
    const inputs = worker({ bid: 1, offer: { gpu: "RTX 4090", maxDph: 2 }, copyOut: NOTHING_TO_KEEP });
    const held = await create(world.context(), inputs);
    await world.context().transport.call(setBid, id(held), 3);
    const after = await up(world, held, inputs);
    expect(after.did).toBe("replaced (dph)");
    expect(said(world)).toMatch(/now costs \$3\..* all-in, over maxDph \$2\.000\/h → `up` replaces it/);
    expect(after.state.dph).toBeLessThanOrEqual(2);
  });

  test("a contract that is gone: rented again", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.context().destroyer.destroy(id(held));
    expect((await up(world, held, worker())).did).toBe("replaced (contractId)");
    expect(await world.instances()).toHaveLength(1);
  });

  test("a contract past its end date: replaced", async () => {
    await using world = await startWorld();
    const inputs = worker({ copyOut: NOTHING_TO_KEEP });
    const held = await create(world.context(), inputs);
    await later(world, Number(held.state.endDate) - Number(held.state.startDate) + 3600);
    await world.until(id(held), ({ actual }) => actual === "exited");
    expect((await preview(world, held, inputs)).replaces).toEqual(["endDate"]);
    expect(said(world)).toMatch(/is past its end date and cannot start again → `up` replaces it/);
  });

  test.for([
    [
      "stopped by hand",
      (world: VastWorld, held: Held) => world.context().transport.call(setState, id(held), "stopped"),
    ],
    ["crashed", (world: VastWorld, held: Held) => world.admin("POST", `/instances/${held.id}/crash`)],
  ] as const)("one that was %s: started again", async ([, happen]) => {
    await using world = await startWorld();
    const held = await create(world.context());
    await happen(world, held);
    await world.until(id(held), ({ actual }) => actual === "exited");
    const after = await up(world, held, worker());
    expect(after.did).toBe("updated");
    expect(after.state.status).toBe("running");
    expect(await world.instancesEver()).toHaveLength(1);
  });
});
