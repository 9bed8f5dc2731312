import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { destroyInstance } from "../../../provider/api/instances.ts";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import { readManifest } from "../../../provider/copy-out/manifest.ts";
import { listParked, recordParked } from "../../../provider/copy-out/parked.ts";
import { openS3 } from "../../../provider/copy-out/s3.ts";
import { makeMark, stackMarkPrefix } from "../../../provider/lifecycle/mark.ts";
import {
  classify,
  type Findings,
  type KnownResource,
  type StackKnowledge,
} from "../../../provider/lifecycle/reconcile/findings.ts";
import {
  type CopyOutOrder,
  destroyOrphan,
  destroyOrphanVolume,
  settleParked,
} from "../../../provider/lifecycle/reconcile/settle.ts";
import { survey } from "../../../provider/lifecycle/reconcile/survey.ts";
import { createVolume } from "../../../provider/lifecycle/volume.ts";
import {
  create,
  type Held,
  type Inputs,
  type Storage,
  startStorage,
  startWorld,
  type VastWorld,
  worker,
} from "../../support/vast-world.ts";

const LIST = "GET /api/v1/instances/";
const SHOW = "GET /api/v0/instances/{id}/";
const OUT = "/workspace/out";
/** The stack of `worker()`. */
const STACK = { project: "p", stack: "dev", owner: "o" };

let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const recordedAs = ({ id, state }: Held): KnownResource => ({
  urn: `urn:${state.label}`,
  type: "Instance",
  id,
  props: state,
});

/** What a run of `reconcile` finds; the state is empty and the program has nothing unless said. */
async function look(
  world: VastWorld,
  known: Partial<StackKnowledge> = {},
  context = world.context(),
): Promise<Findings> {
  const knowledge = { markPrefix: stackMarkPrefix(STACK), recorded: [], pending: [], program: [], ...known };
  const { observed } = await survey(context, async () => knowledge);
  return classify(observed, knowledge);
}

async function withResult(world: VastWorld, inputs: Inputs = {}): Promise<Held> {
  const held = await create(world.context(), worker(inputs));
  await world.write(Number(held.id), `${OUT}/model.pt`, "weights");
  return held;
}

async function destroyFirst(world: VastWorld, { orphans }: Findings, order: CopyOutOrder = {}): Promise<void> {
  const [orphan] = orphans;
  if (!orphan) throw new Error("no orphan was found");
  await destroyOrphan(world.context(), orphan, order);
}

const copyOut = (target: Binding) => ({ copyOut: { target, paths: [OUT] } });
const resultOf = (target: Binding, { id }: Held) => storage.text(target.bucket, `runs/${id}${OUT}/model.pt`);

describe("a contract that no state knows", () => {
  test("and that ran is destroyed once its results are in S3, as its lost resource declared", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await withResult(world, copyOut(target));
    const remembered = [recordedAs(held)];
    await destroyFirst(world, await look(world, { remembered }));
    expect(await world.instances()).toEqual([]);
    expect(await resultOf(target, held)).toBe("weights");
  });

  test("and that ran is kept when nothing says where its results are to go", async () => {
    await using world = await startWorld();
    await withResult(world);
    await expect(destroyFirst(world, await look(world))).rejects.toThrow(/may have run.*it is kept[\s\S]*--waive/);
    expect(await world.instances()).toMatchObject([{ intended: "running" }]);
  });

  test("goes where the person who destroys it says", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await withResult(world);
    await destroyFirst(world, await look(world), { target, paths: [OUT] });
    expect(await world.instances()).toEqual([]);
    expect(await resultOf(target, held)).toBe("weights");
  });

  test("is kept when not everything has arrived", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    await withResult(world);
    await world.fault({ endpoint: "copy", kind: "copy-noop", times: null });
    await expect(destroyFirst(world, await look(world), { target, paths: [OUT] })).rejects.toThrow(/model\.pt/);
    expect(await world.instances()).toHaveLength(1);
  });

  test("is destroyed without a copy for a written reason, which is reported", async () => {
    await using world = await startWorld();
    await withResult(world);
    await destroyFirst(world, await look(world), { waive: "a test machine, nothing on it" });
    expect(await world.instances()).toEqual([]);
    expect(world.logs.join("\n")).toMatch(/WAIVED: trainer-0.*a test machine/);
  });

  test("and that never ran is destroyed at once", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    await create(world.context(), worker({ waitFor: "created" }));
    const found = await look(world);
    expect(found.orphans).toMatchObject([{ mayHaveRun: false, settledBy: "destroy" }]);
    await destroyFirst(world, found);
    expect(await world.instances()).toEqual([]);
  });

  test("and whose resource is in the program is taken up by its create, nothing rented", async () => {
    await using world = await startWorld();
    const held = await withResult(world);
    const program = [{ urn: "urn:trainer-0", type: "Instance" as const, props: worker() }];
    expect((await look(world, { program })).orphans).toMatchObject([{ settledBy: "up" }]);
    const adopted = await create(world.context());
    expect(adopted.id).toBe(held.id);
    expect((await look(world, { program, recorded: [recordedAs(adopted)] })).orphans).toEqual([]);
    expect(await world.instancesEver()).toHaveLength(1);
  });

  test("on an offline host is kept", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await withResult(world, copyOut(target));
    await world.admin("POST", `/machines/${held.state.machineId}/offline`);
    await world.until(Number(held.id), ({ actual }) => actual === "offline");
    const found = await look(world, { remembered: [recordedAs(held)] });
    await expect(destroyFirst(world, found)).rejects.toThrow(/host is offline/);
    expect(await world.instances()).toHaveLength(1);
  });

  test("of another person's stack with the same names is not even named", async () => {
    await using world = await startWorld();
    const mark = makeMark({ ...STACK, owner: "somebody else", name: "trainer-0" });
    const theirs = await create(world.context(), worker({ mark }));
    const ours = await create(world.context(), worker({}, "trainer-0"));
    const { orphans } = await look(world);
    expect(orphans.map(({ row }) => row.id)).toEqual([Number(ours.id)]);
    await destroyFirst(world, await look(world), { waive: "a test machine, nothing on it" });
    expect((await world.instances()).map(({ id }) => id)).toEqual([Number(theirs.id)]);
  });
});

describe("a state entry", () => {
  test("whose contract was destroyed elsewhere is found", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.context().transport.call(destroyInstance, Number(held.id));
    await world.until(Number(held.id), ({ destroyedAt }) => destroyedAt !== null);
    expect((await look(world, { recorded: [recordedAs(held)] })).missing).toMatchObject([
      { resource: { id: held.id } },
    ]);
  });

  test("that the list leaves out is no finding: the contract itself is asked", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.fault({ endpoint: LIST, kind: "omit-from-list", times: null });
    expect(await look(world, { recorded: [recordedAs(held)] })).toMatchObject({ missing: [], orphans: [] });
  });

  test("that a list of yesterday still has is no finding yet, and one once the list is right", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.fault({ endpoint: LIST, kind: "stale-list", times: null });
    await world.context().transport.call(destroyInstance, Number(held.id));
    const known = { recorded: [recordedAs(held)] };
    expect(await look(world, known)).toMatchObject({ missing: [] });
    await world.clearFaults();
    await world.until(Number(held.id), ({ destroyedAt }) => destroyedAt !== null);
    expect((await look(world, known)).missing).toHaveLength(1);
  });

  test.each([
    [
      "an empty text for a list",
      { kind: "wrong-shape" as const, body: { success: true, total_instances: 0, next_token: null, instances: "" } },
    ],
    ["a page of HTML", { kind: "html" as const }],
    [
      "a list that says it has more",
      { kind: "wrong-shape" as const, body: { success: true, total_instances: 1, next_token: null, instances: [] } },
    ],
  ])("is no finding because of %s: nothing is concluded", async (_, fault) => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.fault({ endpoint: LIST, times: null, ...fault });
    await world.fault({ endpoint: SHOW, kind: "null-instance", times: null });
    await expect(look(world, { recorded: [recordedAs(held)] })).rejects.toThrow();
  });

  test("of another account than the key's is an error, and nothing is concluded", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.admin("POST", "/accounts", { apiKey: "another-key" });
    const context = world.context({ apiKey: "another-key" });
    await expect(look(world, { recorded: [recordedAs(held)] }, context)).rejects.toThrow(/belongs to Vast\.ai account/);
  });

  test("is no finding with a key that nobody has", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    const context = world.context({ apiKey: "nobody's key" });
    await expect(look(world, { recorded: [recordedAs(held)] }, context)).rejects.toThrow(/key/);
  });
});

describe("a parked contract", () => {
  async function park(world: VastWorld): Promise<{ held: Held; target: Binding; known: Partial<StackKnowledge> }> {
    const target = await storage.connect(world);
    const held = await withResult(world, copyOut(target));
    const { state } = held;
    await world.admin("POST", `/machines/${state.machineId}/offline`);
    await world.until(Number(held.id), ({ actual }) => actual === "offline");
    const record = { mark: state.mark, label: state.label, home: state.home, machine: state.machineId, dph: state.dph };
    await recordParked(target, {
      ...record,
      contract: Number(held.id),
      since: "2026-11-24T10:00:00.000Z",
      copyOut: { ...state.copyOut, target, paths: [OUT] },
    });
    const binding = { urn: "urn:target", type: "CloudSyncTarget" as const, id: "target", props: { binding: target } };
    return { held, target, known: { recorded: [binding] } };
  }

  test("waits for its host, whatever is asked", async () => {
    await using world = await startWorld();
    const { known, target } = await park(world);
    const [parked] = (await look(world, known)).parked;
    if (!parked) throw new Error("the record was not found");
    expect(parked.host).toBe("offline");
    await expect(settleParked(world.context(), parked)).rejects.toThrow(/host is offline/);
    expect(await listParked(target)).toHaveLength(1);
    expect(await world.instances()).toHaveLength(1);
  });

  test("is copied out, destroyed and cleared when its host is back", async () => {
    await using world = await startWorld();
    const { held, target, known } = await park(world);
    await world.admin("POST", `/machines/${held.state.machineId}/online`);
    await world.until(Number(held.id), ({ actual }) => actual !== "offline");
    const { parked, orphans } = await look(world, known);
    expect(orphans).toEqual([]);
    expect(parked).toMatchObject([{ host: "back" }]);
    for (const found of parked) await settleParked(world.context(), found);
    expect(await world.instances()).toEqual([]);
    expect(await resultOf(target, held)).toBe("weights");
    expect(await look(world, known)).toMatchObject({ parked: [] });
    // A successor that restores from the last verified contract goes by it.
    const manifest = await readManifest(openS3(target), `runs/${held.id}`);
    expect(manifest).toMatchObject({ contractId: Number(held.id), live: false, folders: [{ path: OUT }] });
  });

  test("is found by what the program declares, when no successor could be rented and the state knows nothing", async () => {
    await using world = await startWorld();
    const { held, target } = await park(world);
    await world.admin("POST", `/machines/${held.state.machineId}/online`);
    await world.until(Number(held.id), ({ actual }) => actual !== "offline");
    const { state } = held;
    const declared = {
      urn: "urn:worker",
      type: "Instance" as const,
      props: { ...state, copyOut: copyOut(target).copyOut },
    };
    const { parked, orphans } = await look(world, { program: [declared] });
    expect(orphans).toEqual([]);
    expect(parked).toMatchObject([{ host: "back" }]);
    for (const found of parked) await settleParked(world.context(), found);
    expect(await world.instances()).toEqual([]);
    expect(await resultOf(target, held)).toBe("weights");
  });

  test("that somebody destroyed meanwhile is cleared, and said to be lost", async () => {
    await using world = await startWorld();
    const { held, known } = await park(world);
    await world.context().transport.call(destroyInstance, Number(held.id));
    await world.until(Number(held.id), ({ destroyedAt }) => destroyedAt !== null);
    const { parked } = await look(world, known);
    expect(parked).toMatchObject([{ host: "gone" }]);
    for (const found of parked) await settleParked(world.context(), found);
    expect(world.logs.join("\n")).toMatch(/WARNING: trainer-0.*destroyed elsewhere/);
    expect(await look(world, known)).toMatchObject({ parked: [] });
  });
});

describe("a volume that no state knows", () => {
  const mark = makeMark({ ...STACK, name: "Volume/ckpt" });

  test("is kept while nobody knows whether its content is safe, and deleted for a written reason", async () => {
    await using world = await startWorld();
    await createVolume(world.context(), { mark, name: "ckpt", size: 20 });
    const [volume] = (await look(world)).orphanVolumes;
    if (!volume) throw new Error("the volume was not found");
    await expect(destroyOrphanVolume(world.context(), volume, {})).rejects.toThrow(/it is kept/);
    expect(await world.volumes()).toHaveLength(1);
    await destroyOrphanVolume(world.context(), volume, { waive: "a test volume, never used" });
    expect(await world.volumes()).toEqual([]);
  });
});
