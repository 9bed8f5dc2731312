import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listJobs } from "../../../provider/api/jobs.ts";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import { copyOutNow } from "../../../provider/copy-out/on-demand.ts";
import { createInstance } from "../../../provider/lifecycle/instance/create.ts";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { findContract, readInstance } from "../../../provider/lifecycle/instance/read.ts";
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

const OUT = "/workspace/out";
const LIST = "GET /api/v1/instances/";
const REBOOT = "PUT /api/v0/instances/reboot/{id}/";
const COPY = "POST /api/v0/commands/rclone/";
let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const trainer = (target: Binding, different: Inputs = {}) =>
  worker({ copyOut: { target, paths: [OUT] }, restoreFrom: "last", ...different });
const destroy = (world: VastWorld, held: Held) => deleteInstance(world.context(), held.id, held.state);
const restores = async (world: VastWorld) =>
  (await world.requests(REBOOT)).filter(({ status }) => status === 200).length;

/** What is on an instance's disk, as its destroy finds it. */
async function leftBy(world: VastWorld, held: Held): Promise<string[]> {
  await world.context().destroyer.destroy(Number(held.id));
  const ever = await world.admin<{ id: number; filesAtDestroy: { path: string }[] }[]>("GET", "/instances?all=1");
  const files = ever.find(({ id }) => String(id) === held.id)?.filesAtDestroy ?? [];
  return files.map(({ path }) => path).filter((path) => path.startsWith(OUT));
}

/** A first contract of the resource that left a checkpoint through its gate. */
async function first(world: VastWorld, target: Binding): Promise<Held> {
  const held = await create(world.context(), trainer(target));
  await world.write(Number(held.id), `${OUT}/step-000500.pt`, "weights", 1_700_000_000);
  await destroy(world, held);
  return held;
}

describe("restoreFrom", () => {
  test("brings the last contract's files back, compares them, and restarts the worker, which goes on from there", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const one = await first(world, target);
    await world.admin("POST", "/workloads", { model: "training", checkpointEverySeconds: 1e6, dir: OUT });
    const readyWhen = { log: "resumed from step-000500" };
    const two = await create(world.context(), trainer(target, { waitFor: "ready", readyWhen }));
    expect(world.logs.join("\n")).toMatch(new RegExp(`restoring from contract ${one.id}, verified at`));
    expect(await restores(world)).toBe(1);
    expect(await leftBy(world, two)).toContain(`${OUT}/step-000500.pt`);
  });

  test("finds what a contract left that nobody waited for", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const unseen = await create(world.context(), trainer(target, { waitFor: "created" }));
    await world.until(Number(unseen.id), ({ actual }) => actual === "running");
    await world.write(Number(unseen.id), `${OUT}/step-000500.pt`, "weights", 1_700_000_000);
    await destroy(world, unseen);
    const next = await create(world.context(), trainer(target));
    expect(world.logs.join("\n")).toMatch(new RegExp(`restoring from contract ${unseen.id}, verified at`));
    expect(await leftBy(world, next)).toEqual([`${OUT}/step-000500.pt`]);
  });

  test("is made good where the up that rented it was cut short, although a refresh has seen it run since", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const { id: before } = await first(world, target);
    const news = checked(trainer(target));
    const creating = createInstance(world.context(), news).catch((error: unknown) => error);
    const successor = async () => (await world.instances()).find(({ id }) => String(id) !== before);
    while (!(await successor()));
    await world.fault({ endpoint: LIST, kind: "wrong-shape", times: null });
    const { id, properties } = (await creating) as { id: string; properties: Inputs };
    await world.admin("DELETE", "/faults");
    await world.until(Number(id), ({ actual }) => actual === "running");
    const { props = {} } = await readInstance(world.context(), id, properties);
    expect(await diffInstance(world.context(), id, props, news)).toMatchObject({ changes: true, replaces: [] });
    const { outs } = await updateInstance(world.context(), id, props, news);
    expect(await diffInstance(world.context(), id, outs, news)).toMatchObject({ changes: false });
    expect(await leftBy(world, { id, state: outs as Held["state"] })).toEqual([`${OUT}/step-000500.pt`]);
  });

  test("with nothing there begins anew, and says so", async () => {
    await using world = await startWorld();
    await create(world.context(), trainer(await storage.connect(world)));
    expect(world.logs.join("\n")).toContain("nothing to restore: no earlier contract left copies");
    expect(await restores(world)).toBe(0);
  });

  test("takes a lost machine's backups that hold all that was verified before, and more", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const one = await first(world, target);
    const lost = await create(world.context(), trainer(target));
    await storage.put(target.bucket, `runs/${lost.id}${OUT}/step-000500.pt`, "weights");
    await storage.put(target.bucket, `runs/${lost.id}${OUT}/step-001000.pt`, "newer weights");
    await world.context().destroyer.destroy(Number(lost.id));
    const next = await create(world.context(), trainer(target));
    expect(world.logs.join("\n")).toMatch(
      new RegExp(`restoring from contract ${lost.id}: its backups were never verified, but hold.* contract ${one.id}`),
    );
    expect(await leftBy(world, next)).toEqual([`${OUT}/step-000500.pt`, `${OUT}/step-001000.pt`]);
  });

  test.for([
    ["lack a verified file", undefined],
    ["have a verified file in another size", "wei"],
  ] as const)("never takes a lost machine's backups that %s, and says how to", async ([, checkpoint]) => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const one = await first(world, target);
    const lost = await create(world.context(), trainer(target));
    await storage.put(target.bucket, `runs/${lost.id}${OUT}/step-001000.pt`, "newer weights");
    if (checkpoint !== undefined) await storage.put(target.bucket, `runs/${lost.id}${OUT}/step-000500.pt`, checkpoint);
    await world.context().destroyer.destroy(Number(lost.id));
    await create(world.context(), trainer(target));
    const said = world.logs.join("\n");
    expect(said).toMatch(
      new RegExp(
        `contract ${lost.id} left newer copies that were never verified.*step-000500.*restoreFrom: ${lost.id}`,
      ),
    );
    expect(said).not.toContain(`restoring from contract ${lost.id}`);
    expect(said).toContain(`restoring from contract ${one.id}, verified at`);
  });

  test("takes the copies of a named contract, verified or not", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    await storage.put(target.bucket, `runs/77${OUT}/step-001000.pt`, "from elsewhere");
    const held = await create(world.context(), trainer(target, { restoreFrom: 77 }));
    expect(world.logs.join("\n")).toContain("restoring from contract 77, whose copies were never verified");
    expect(await leftBy(world, held)).toEqual([`${OUT}/step-001000.pt`]);
  });

  test("does not trust a manifest whose files are gone from the bucket", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const one = await first(world, target);
    await storage.put(target.bucket, `runs/${one.id}${OUT}/step-000500.pt`, "cut");
    await create(world.context(), trainer(target));
    expect(world.logs.join("\n")).toContain(`restoring from contract ${one.id}, whose copies were never verified`);
  });

  test.for(["copy-noop", "copy-half", "copy-fail"] as const)(
    "that does not arrive (%s) leaves the contract in the state, unfinished; the next up goes on with it, once",
    async (kind) => {
      await using world = await startWorld();
      const target = await storage.connect(world);
      await first(world, target);
      await world.fault({ endpoint: "copy", kind });
      const inputs = trainer(target);
      const failure = (await create(world.context(), inputs).catch((error: unknown) => error)) as {
        id: string;
        properties: Held["state"];
        message: string;
      };
      expect(failure.message).toMatch(/is rented and kept in the state.*(did not arrive|failed)/);
      expect(await restores(world)).toBe(0);
      const news = checked(inputs);
      const { outs } = await updateInstance(world.context(), failure.id, failure.properties, news);
      expect(await restores(world)).toBe(1);
      await updateInstance(world.context(), failure.id, outs, { ...news, label: "renamed" });
      expect(await restores(world)).toBe(1);
      expect(await world.instances()).toHaveLength(1);
    },
  );

  test("that an up finishes is followed by another wait for readiness: the worker was restarted", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    await first(world, target);
    await world.admin("POST", "/workloads", { model: "training", checkpointEverySeconds: 1e6, dir: OUT });
    await world.fault({ endpoint: "copy", kind: "copy-noop" });
    const inputs = trainer(target, { waitFor: "ready", readyWhen: { log: "resumed from step-000500" } });
    const failure = (await create(world.context(), inputs).catch((error: unknown) => error)) as {
      id: string;
      properties: Held["state"];
    };
    await updateInstance(world.context(), failure.id, failure.properties, checked(inputs));
    expect(await restores(world)).toBe(1);
    expect(world.logs.at(-1)).toMatch(/waiting up to \d+ s for log line that matches \/resumed/);
  });

  test("added to a worker that has results of its own does not touch them", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    await first(world, target);
    const held = await create(world.context(), trainer(target, { restoreFrom: undefined }));
    await world.forgetRequests();
    await updateInstance(world.context(), held.id, held.state, checked(trainer(target)));
    expect(await world.requests(COPY)).toEqual([]);
    expect(await restores(world)).toBe(0);
  });

  test("that cannot be read from the bucket fails loudly; one whose results do not matter comes up all the same", async () => {
    await using world = await startWorld();
    const target = { ...(await storage.connect(world)), bucket: "no-such-bucket" };
    await expect(create(world.context(), trainer(target))).rejects.toThrow(/kept in the state[\s\S]*no-such-bucket/);
    const waive = "nothing of value is made here";
    await create(world.context(), worker({ copyOut: { target, paths: [OUT], waive } }, "other"));
    expect(world.logs.join("\n")).toMatch(/WARNING: other: contract \d+ could not be noted in s3:\/\/no-such-bucket/);
  });
});

describe("restoreFrom, after an update that recreated the container", () => {
  const UPDATE = "PUT /api/v0/instances/update_template/{id}/";
  const MODEL = `${OUT}/model.pt`;
  const image = "debian:12";
  const kept = ({ bucket }: Binding, { id }: Held) => storage.text(bucket, `runs/${id}${MODEL}`);
  const aside = ({ bucket }: Binding, { id }: Held) =>
    storage.text(bucket, `runs/.pulumi-vast/not-restored/${id}${MODEL}`);
  const jobs = (world: VastWorld) => world.context().transport.call(listJobs);

  /** A worker whose only result is in the bucket already, so that the next copy is the restore. */
  async function saved(world: VastWorld, different: (target: Binding) => Inputs = () => ({})) {
    const target = await storage.connect(world);
    const held = await create(world.context(), trainer(target, different(target)));
    await world.write(Number(held.id), MODEL, "weights", 1_700_000_000);
    const row = await findContract(world.context(), held.id, held.state, 0);
    if (!row) throw new Error("gone");
    await copyOutNow(world.context(), held.state, row);
    return { held, target };
  }

  /** The update makes the new container, and the restore does not arrive. */
  async function unrestored(world: VastWorld, different: (target: Binding) => Inputs = () => ({})) {
    const { held, target } = await saved(world, different);
    await world.fault({ endpoint: "copy", kind: "copy-noop" });
    const news = checked(trainer(target, { image, ...different(target) }));
    const failure = (await updateInstance(world.context(), held.id, held.state, news).catch((e: unknown) => e)) as {
      properties: Held["state"];
      message: string;
    };
    expect(failure.message).toMatch(/is changed and kept, but not finished: .*1 of 1 files did not arrive/);
    // Its worker starts from nothing, and writes a file of the same name.
    await world.write(Number(held.id), MODEL, "fresh");
    return { before: held, held: { id: held.id, state: failure.properties }, target, news };
  }

  test("brings back what the gate has saved before, and restarts the worker", async () => {
    await using world = await startWorld();
    const { held, target } = await saved(world);
    const { outs } = await updateInstance(world.context(), held.id, held.state, checked(trainer(target, { image })));
    expect(await restores(world)).toBe(1);
    await destroy(world, { id: held.id, state: outs as Held["state"] });
    const [gone] = await world.admin<{ filesAtDestroy: { path: string }[] }[]>("GET", "/instances?all=1");
    expect(gone?.filesAtDestroy.map(({ path }) => path)).toContain(MODEL);
    expect(await kept(target, held)).toBe("weights");
  });

  test("that did not arrive: the next up goes on with it, and keeps what a fresh worker wrote meanwhile", async () => {
    await using world = await startWorld();
    const { held, target, news } = await unrestored(world, (binding) => ({
      copyOut: { target: binding, paths: [OUT], schedule: { daily: 3 } },
    }));
    // No backup may go over what is to be restored.
    expect(await jobs(world)).toEqual([]);
    const { outs } = await updateInstance(world.context(), held.id, held.state, news);
    expect(await restores(world)).toBe(1);
    expect(await jobs(world)).toHaveLength(1);
    expect(await aside(target, held)).toBe("fresh");
    await destroy(world, { id: held.id, state: outs as Held["state"] });
    expect(await kept(target, held)).toBe("weights");
    expect(await world.requests(UPDATE)).toHaveLength(1);
  });

  test("that did not arrive: a destroy copies a fresh worker's files beside the saved ones, not over them", async () => {
    await using world = await startWorld();
    const { held, target } = await unrestored(world);
    await destroy(world, held);
    expect(await world.instances()).toEqual([]);
    expect(await kept(target, held)).toBe("weights");
    expect(await aside(target, held)).toBe("fresh");
    await create(world.context(), trainer(target));
    expect(world.logs.join("\n")).toMatch(new RegExp(`restoring from contract ${held.id}, verified at`));
  });

  test("that a crash cut short: the container is recreated once more, and neither worker's files are lost", async () => {
    await using world = await startWorld();
    const { before, target, news } = await unrestored(world);
    await updateInstance(world.context(), before.id, before.state, news);
    expect(await restores(world)).toBe(1);
    expect(await kept(target, before)).toBe("weights");
    expect(await aside(target, before)).toBe("fresh");
  });

  test("and was then taken out of the program is given up", async () => {
    await using world = await startWorld();
    const { held, target } = await unrestored(world);
    const news = checked(trainer(target, { image, restoreFrom: undefined }));
    const { outs } = await updateInstance(world.context(), held.id, held.state, news);
    await destroy(world, { id: held.id, state: outs as Held["state"] });
    expect(await restores(world)).toBe(0);
    expect(await kept(target, held)).toBe("fresh");
  });
});

describe("a copy-out on demand", () => {
  test("saves what has settled while the worker runs on, and a successor starts from it", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await create(world.context(), trainer(target));
    await world.write(Number(held.id), `${OUT}/step-000500.pt`, "weights", 1_700_000_000);
    const context = world.context();
    const row = await findContract(context, held.id, held.state, 0);
    if (!row) throw new Error("gone");
    const manifest = await copyOutNow(context, held.state, row);
    expect(manifest).toMatchObject({ live: true, folders: [{ files: [{ path: "step-000500.pt", sizeBytes: 7 }] }] });
    expect(await world.instances()).toMatchObject([{ actual: "running", intended: "running" }]);
    // The machine is lost without a gate: what was copied while it lived is what there is.
    await context.destroyer.destroy(Number(held.id));
    await create(world.context(), trainer(target));
    expect(world.logs.join("\n")).toMatch(new RegExp(`restoring from contract ${held.id}, verified at`));
  });

  test("that does not arrive says so, and leaves the worker running", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await create(world.context(), trainer(target));
    await world.write(Number(held.id), `${OUT}/step-000500.pt`, "weights", 1_700_000_000);
    await world.fault({ endpoint: "copy", kind: "copy-noop" });
    const context = world.context();
    const row = await findContract(context, held.id, held.state, 0);
    if (!row) throw new Error("gone");
    await expect(copyOutNow(context, held.state, row)).rejects.toThrow(/step-000500\.pt is not in the bucket/);
    expect(await world.instances()).toMatchObject([{ actual: "running", intended: "running" }]);
  });
});
