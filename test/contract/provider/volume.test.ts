import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setState } from "../../../provider/api/instances.ts";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import { checkInputs } from "../../../provider/lifecycle/check.ts";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
import { updateInstance } from "../../../provider/lifecycle/instance/update.ts";
import { makeMark, markedVolumeName } from "../../../provider/lifecycle/mark.ts";
import {
  createVolume,
  diffVolume,
  readVolume,
  removeVolume,
  updateVolume,
} from "../../../provider/lifecycle/volume.ts";
import { volumeInputsSchema, volumeProblems } from "../../../provider/lifecycle/volume-inputs.ts";
import {
  checked,
  create,
  type Inputs,
  type Storage,
  startStorage,
  startWorld,
  type VastWorld,
  worker,
} from "../../support/vast-world.ts";

const RENT = "PUT /api/v0/volumes/";
const MARK = makeMark({ project: "p", stack: "dev", owner: "o", name: "Volume/ckpt" });
let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

interface Volume {
  id: string;
  state: Inputs & { volumeId: number; machineId: number };
}

function volumeInputs(different: Inputs = {}): Inputs {
  const given = { mark: MARK, name: "ckpt", size: 20, ...different };
  const { inputs, failures } = checkInputs(volumeInputsSchema, given, volumeProblems);
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  return inputs;
}

async function rent(world: VastWorld, different: Inputs = {}): Promise<Volume> {
  const { id, outs } = await createVolume(world.context(), volumeInputs(different));
  return { id, state: outs as Volume["state"] };
}

const mounting = (volume: Volume, target: Binding): Inputs => ({
  copyOut: { target, paths: ["/workspace/out"] },
  volume: { id: volume.id, machineId: volume.state.machineId, mountPath: "/data" },
});

/** A volume and a worker that mounts it, on one machine. */
async function mounted(world: VastWorld, target: Binding, waive?: string, different: Inputs = {}) {
  const placeWith = { offer: { gpu: "RTX 4090" }, disk: 20, image: "ubuntu:22.04" };
  const volume = await rent(world, { placeWith, copyOut: { target, ...(waive === undefined ? {} : { waive }) } });
  const inputs = worker({ ...mounting(volume, target), ...different });
  const held = await create(world.context(), inputs);
  return { volume, held, inputs };
}

describe("a volume", () => {
  test("is rented once, with the resource's mark in its name", async () => {
    await using world = await startWorld();
    const { id, state } = await rent(world);
    expect(await world.volumes()).toMatchObject([{ id: Number(id), label: markedVolumeName("ckpt", MARK) }]);
    expect(state).toMatchObject({ volumeId: Number(id), size: 20 });
    expect(await rent(world)).toMatchObject({ id });
    expect(await world.volumes()).toHaveLength(1);
  });

  test("that two providers rent at the same moment is one volume in the end, the older one", async () => {
    await using world = await startWorld();
    let first: Volume | undefined;
    const engineIsAlive = async () => {
      first = await rent(world);
      return true;
    };
    // The other one has seen no volume, and rents after the first one is done.
    const second = await createVolume(world.context({}, { engineIsAlive }), volumeInputs());
    expect(second.id).toBe(first?.id);
    expect(await world.volumes()).toMatchObject([{ id: Number(second.id) }]);
    expect(await world.requests(RENT)).toHaveLength(2);
  });

  test("whose answer is lost is found and not rented again", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "drop-after" });
    const { id } = await rent(world);
    expect(await world.volumes()).toMatchObject([{ id: Number(id) }]);
    expect(await world.requests(RENT)).toHaveLength(1);
  });

  test.for([
    ["is gone", 404, "not_found", "Volume offer 1 is not available."],
    ["is gone, in the words of instances", 410, "no_such_ask", "no longer available"],
    ["has become too small", 400, "invalid_args", "Volume offer 1 has less than 20 GB left."],
  ] as const)("whose offer %s goes to the next one", async ([, status, error, msg]) => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "status", status, body: { success: false, error, msg }, times: 2 });
    await rent(world);
    expect((await world.requests(RENT)).map((request) => request.status)).toEqual([status, status, 200]);
    expect(await world.volumes()).toHaveLength(1);
  });

  test("that every offer refuses is an error in the service's words, after a bounded number of them", async () => {
    await using world = await startWorld();
    const body = { success: false, error: "invalid_args", msg: "no volumes today" };
    await world.fault({ endpoint: RENT, kind: "status", status: 400, body, times: null });
    await expect(rent(world)).rejects.toThrow("no volumes today");
    expect((await world.requests(RENT)).length).toBeLessThanOrEqual(5);
    expect(await world.volumes()).toEqual([]);
  });

  test("that the account cannot pay for is tried once", async () => {
    await using world = await startWorld();
    const body = { success: false, error: "insufficient_credit", msg: "Your account lacks credit" };
    await world.fault({ endpoint: RENT, kind: "status", status: 400, body, times: null });
    await expect(rent(world)).rejects.toThrow("lacks credit");
    expect(await world.requests(RENT)).toHaveLength(1);
  });

  test("whose rental never came to be is an error, and the next up rents one", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: RENT, kind: "drop-before" });
    await expect(rent(world)).rejects.toThrow(/asked for but is not listed; nothing else was rented/);
    await rent(world);
    expect(await world.volumes()).toHaveLength(1);
  });

  test("goes to the machine it is pinned to, or nowhere", async () => {
    await using world = await startWorld();
    const { state } = await rent(world);
    const other = await rent(world, { mark: "0123456789abcdef".repeat(2), machineId: state.machineId });
    expect(other.state.machineId).toBe(state.machineId);
    await expect(rent(world, { mark: "fedcba9876543210".repeat(2), machineId: 1 })).rejects.toThrow(
      /no machine offers a volume of 20 GB/,
    );
  });

  test("is not rented over its price", async () => {
    await using world = await startWorld();
    await expect(rent(world, { maxDph: 0.000_001 })).rejects.toThrow(/for at most \$0\.000\/h|no machine offers/);
    expect(await world.volumes()).toEqual([]);
  });

  test("does not change when nothing does; another size or machine replaces it", async () => {
    await using world = await startWorld();
    const { id, state } = await rent(world);
    const diff = (inputs: Inputs) => diffVolume(world.context(), id, state, volumeInputs(inputs));
    expect(await diff({})).toMatchObject({ changes: false, replaces: [] });
    expect(await diff({ size: 30 })).toMatchObject({ changes: true, replaces: ["size"], deleteBeforeReplace: true });
    expect(await diff({ machineId: 5 })).toMatchObject({ replaces: ["machineId"] });
    expect(await diff({ maxDph: 1 })).toMatchObject({ changes: true, replaces: [] });
  });

  test("is gone when the list has it no more, and never on an odd or foreign answer", async () => {
    await using world = await startWorld();
    const { id, state } = await rent(world);
    expect((await readVolume(world.context(), id, state)).id).toBe(id);
    for (const body of [{}, { volumes: "" }, { success: false, error: "auth_error", msg: "Invalid user key" }]) {
      await world.fault({ endpoint: "GET /api/v0/volumes/", kind: "wrong-shape", body, times: null });
      await expect(readVolume(world.context(), id, state)).rejects.toThrow();
      await world.clearFaults();
    }
    await world.admin("POST", "/accounts", { apiKey: "another-key" });
    await expect(readVolume(world.context({ apiKey: "another-key" }), id, state)).rejects.toThrow(
      /belongs to Vast\.ai account/,
    );
    await removeVolume(world.context(), id, { ...state, copyOut: { waive: "it was never used" } });
    expect(await readVolume(world.context(), id, state)).toEqual({});
  });
});

describe("a volume's delete", () => {
  test("is refused while an instance uses it, by name", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target, "its content does not matter");
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      `is used by instance ${held.id}; it is kept`,
    );
    expect(await world.volumes()).toHaveLength(1);
  });

  test("goes through once the instance's gate has copied what it holds", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target);
    await world.write(Number(held.id), "/data/model.pt", "weights");
    await deleteInstance(world.context(), held.id, held.state);
    expect(await storage.keys(target.bucket)).toEqual([`runs/${held.id}/data/model.pt`]);
    await removeVolume(world.context(), volume.id, volume.state);
    expect(await world.volumes()).toEqual([]);
  });

  test("goes through right after the destroy of an instance that never ran: nothing was written through it", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target, undefined, { state: "stopped" });
    await deleteInstance(world.context(), held.id, held.state);
    await removeVolume(world.context(), volume.id, volume.state);
    expect(await world.volumes()).toEqual([]);
  });

  test("goes through although the process was killed right after the destroy of an instance that never ran", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held, inputs } = await mounted(world, target, undefined, { state: "stopped" });
    const context = world.context();
    const destroyed = Promise.withResolvers<void>();
    const destroy = async (id: number): Promise<void> => {
      await context.destroyer.destroy(id);
      destroyed.resolve();
      await new Promise(() => undefined);
    };
    void deleteInstance({ ...context, destroyer: { destroy } }, held.id, held.state);
    await destroyed.promise;
    const second = await create(world.context(), { ...inputs, state: "stopped" });
    await deleteInstance(world.context(), second.id, second.state);
    await removeVolume(world.context(), volume.id, volume.state);
    expect(await world.volumes()).toEqual([]);
  });

  test("goes through once an instance that came to run during its own destroy is copied out, not held for unused", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target, undefined, { state: "stopped" });
    const context = world.context();
    const { sweeper } = context;
    const looks = [await sweeper.since(context.clock.elapsedS())];
    await context.transport.call(setState, Number(held.id), "running");
    await world.until(Number(held.id), ({ actual }) => actual === "running");
    await world.write(Number(held.id), "/data/model.pt", "weights");
    // The first look was taken before it ran.
    const atMost = async (ageS: number) => looks.shift() ?? sweeper.atMost(ageS);
    await deleteInstance({ ...context, sweeper: { ...sweeper, atMost } }, held.id, held.state);
    expect(await storage.keys(target.bucket)).toEqual([`runs/${held.id}/data/model.pt`]);
    await removeVolume(world.context(), volume.id, volume.state);
    expect(await world.volumes()).toEqual([]);
  });

  test("is refused when an instance that never ran at one look was gone at the next: it may have run between them", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target, undefined, { state: "stopped" });
    const context = world.context();
    const { sweeper } = context;
    const looks = [await sweeper.since(context.clock.elapsedS())];
    await context.destroyer.destroy(Number(held.id));
    const atMost = async (ageS: number) => looks.shift() ?? sweeper.atMost(ageS);
    await deleteInstance({ ...context, sweeper: { ...sweeper, atMost } }, held.id, held.state);
    expect(world.logs.join("\n")).toMatch(/is gone already/);
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      /nothing was copied from it since/,
    );
  });

  test("is refused when an instance that never ran could not be destroyed, and ran after all", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target, undefined, { state: "stopped" });
    const destroy = () => Promise.reject(new Error("the service is down"));
    await expect(deleteInstance({ ...world.context(), destroyer: { destroy } }, held.id, held.state)).rejects.toThrow(
      "the service is down",
    );
    await world.context().destroyer.destroy(Number(held.id));
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      /nothing was copied from it since/,
    );
  });

  test("is still refused for what an earlier instance left, when the one after it never ran", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held, inputs } = await mounted(world, target);
    await world.context().destroyer.destroy(Number(held.id));
    const second = await create(world.context(), { ...inputs, state: "stopped" });
    await deleteInstance(world.context(), second.id, second.state);
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      `was last used by instance ${held.id}`,
    );
  });

  test("goes through although a machine that did not start was given up with it", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    await world.fault({ endpoint: "boot", kind: "boot-fail" });
    await expect(mounted(world, target, undefined, { maxTries: 1 })).rejects.toThrow(/did not start/);
    const [{ id } = { id: 0 }] = await world.volumes();
    const volume = await rent(world, { copyOut: { target } });
    expect(volume.id).toBe(String(id));
    await removeVolume(world.context(), volume.id, volume.state);
    expect(await world.volumes()).toEqual([]);
  });

  test("is refused when nothing was copied since its last use, and says what to do", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target);
    await world.context().destroyer.destroy(Number(held.id));
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      /last used by instance \d+, and nothing was copied from it since; it is kept[\s\S]*copyOut\.waive/,
    );
    expect(await world.volumes()).toHaveLength(1);
  });

  test("is refused when what was copied is from before the container went on with it", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held, inputs } = await mounted(world, target);
    // A new image: the gate copies, the container is made anew, and works on.
    await updateInstance(world.context(), held.id, held.state, checked({ ...inputs, image: "debian:12" }));
    await world.write(Number(held.id), "/data/later.pt", "weights");
    await world.context().destroyer.destroy(Number(held.id));
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      /nothing was copied from it since/,
    );
  });

  test("is refused when no target says where its content would be", async () => {
    await using world = await startWorld();
    const { id, state } = await rent(world);
    await expect(removeVolume(world.context(), id, state)).rejects.toThrow(
      /names no copy-out target[\s\S]*declare `copyOut/,
    );
  });

  test("goes with a written reason, which is said loudly", async () => {
    await using world = await startWorld();
    const { id, state } = await rent(world);
    await removeVolume(world.context(), id, { ...state, copyOut: { waive: "it was never used" } });
    expect(await world.volumes()).toEqual([]);
    expect(world.logs.join("\n")).toMatch(/WAIVED: ckpt.*it was never used/);
  });

  test("of one that was never used needs no copy", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { id, state } = await rent(world, { copyOut: { target } });
    await removeVolume(world.context(), id, state);
    expect(await world.volumes()).toEqual([]);
  });

  const recordOf = ({ id }: Volume, prefix = "runs") => `${prefix}/.pulumi-vast/volume-${id}.json`;

  test.for([
    ["is broken", "{ not json"],
    ["says something else", '{"usedBy":"me"}'],
  ] as const)("is refused when its record %s, with where that is", async ([, text]) => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const volume = await rent(world, { copyOut: { target } });
    await storage.put(target.bucket, recordOf(volume), text);
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      `has a record at s3://${target.bucket}/${recordOf(volume)} that cannot be understood; it is kept`,
    );
  });

  test("is refused without a record: nobody knows who used it", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { id, state } = await rent(world);
    await expect(removeVolume(world.context(), id, { ...state, copyOut: { target } })).rejects.toThrow(
      /has no record at s3:.*nobody knows who used it and what was copied; it is kept/,
    );
  });

  test("is refused when it is in use although its record names nobody", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target);
    await storage.put(target.bucket, recordOf(volume), '{"usedBy":null}');
    await expect(removeVolume(world.context(), volume.id, volume.state)).rejects.toThrow(
      `is used by instance ${held.id}; it is kept`,
    );
  });

  test("is refused for one taken up again whose past is not recorded", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    await rent(world);
    const { id, state } = await rent(world, { copyOut: { target } });
    await expect(removeVolume(world.context(), id, state)).rejects.toThrow(/may have been used before its record/);
  });

  test("follows its record to another target, and an instance with the old one is refused", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held } = await mounted(world, target);
    const moved = { ...target, prefix: "elsewhere" };
    const inputs = volumeInputs({ copyOut: { target: moved } });
    const { outs } = await updateVolume(world.context(), volume.id, volume.state, inputs);
    await world.context().destroyer.destroy(Number(held.id));
    await expect(removeVolume(world.context(), volume.id, outs)).rejects.toThrow(/was last used by instance/);
    await expect(create(world.context(), worker(mounting(volume, target), "second"))).rejects.toThrow(
      /has no record at [\s\S]*same `copyOut\.target`/,
    );
  });

  test("of one that is gone already succeeds", async () => {
    await using world = await startWorld();
    const { id, state } = await rent(world);
    const waived = { ...state, copyOut: { waive: "it was never used" } };
    await removeVolume(world.context(), id, waived);
    await removeVolume(world.context(), id, waived);
    expect(world.logs.at(-1)).toContain("is gone already");
  });
});

describe("an instance that mounts a volume", () => {
  test("is replaced at once: it waits until the volume is let go of", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { volume, held, inputs } = await mounted(world, target);
    await deleteInstance(world.context(), held.id, held.state);
    const looks = async () => (await world.requests("GET /api/v0/volumes/")).length;
    const before = await looks();
    const { state } = await create(world.context(), inputs);
    expect(state.machineId).toBe(volume.state.machineId);
    // Half a minute, five seconds between two looks: the pause is its own, not left to the pacing of a list.
    expect((await looks()) - before).toBeLessThan(15);
  });

  test("which another instance still uses is refused, by name, before anything is rented", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { held, inputs } = await mounted(world, target);
    const other = { ...inputs, mark: "another-resource-of-the-stack" };
    await expect(create(world.context(), other)).rejects.toThrow(`is used by instance ${held.id}; nothing was rented`);
    expect(await world.instancesEver()).toHaveLength(1);
  });

  test.for([["another target"], ["no target"]])(
    "with %s is refused before anything is rented: its delete would look elsewhere",
    async ([which]) => {
      await using world = await startWorld();
      const target = await storage.connect(world);
      const other = { ...target, prefix: "elsewhere" };
      const volume = await rent(world, which === "no target" ? {} : { copyOut: { target: other } });
      await expect(create(world.context(), worker(mounting(volume, target)))).rejects.toThrow(
        /its `copyOut\.target` is not the one of this instance[\s\S]*the same `copyOut\.target`/,
      );
      expect(await world.instancesEver()).toEqual([]);
    },
  );

  test("and changes to another target than the volume's is refused", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { held, inputs } = await mounted(world, target);
    const copyOut = { target: { ...target, prefix: "elsewhere" }, paths: ["/workspace/out"] };
    await expect(updateInstance(world.context(), held.id, held.state, checked({ ...inputs, copyOut }))).rejects.toThrow(
      /is not the one of this instance/,
    );
  });
});
