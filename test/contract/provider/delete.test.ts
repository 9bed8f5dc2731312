import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startCloudCopy } from "../../../provider/api/copies.ts";
import { destroyInstance, execute, setState } from "../../../provider/api/instances.ts";
import type { Context } from "../../../provider/context.ts";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import { copyOutNow } from "../../../provider/copy-out/on-demand.ts";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
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

const COPY = "POST /api/v0/commands/rclone/";
const DELETE_ONE = "DELETE /api/v0/instances/{id}/";
const DELETE_MANY = "DELETE /api/v0/instances/";
const OUT = "/workspace/out";
let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

interface Running {
  world: VastWorld;
  target: Binding;
  held: Held;
}

/** A worker that runs, with two results on its disk and a copy-out declared. */
async function withResults(world: VastWorld, copyOut: Inputs = {}, name?: string): Promise<Running> {
  const target = await storage.connect(world);
  const held = await create(world.context(), worker({ copyOut: { target, paths: [OUT], ...copyOut } }, name));
  await world.write(Number(held.id), `${OUT}/model.pt`, "weights", 1_700_000_000);
  await world.write(Number(held.id), `${OUT}/run 1/log "a".txt`, "loss 0.1\n", 1_700_000_100);
  return { world, target, held };
}

/** The state of a run that ended before the container started. */
const unseen = ({ id, state }: Held): Held => ({ id, state: { ...state, everRan: false } });

const destroy = ({ world, held }: Pick<Running, "world" | "held">, context: Context = world.context()) =>
  deleteInstance(context, held.id, held.state);
const instanceOf = async ({ world, held }: Running) =>
  (await world.instances()).find(({ id }) => String(id) === held.id);
const copiesOf = (world: VastWorld) => world.requests(COPY);

describe("destroy", () => {
  test("copies every file out, verifies size and time, leaves a manifest, and only then destroys", async () => {
    await using world = await startWorld();
    const running = await withResults(world, { required: ["*.pt"] });
    const { held, target } = running;
    await destroy(running);

    const prefix = `runs/${held.id}/workspace/out`;
    expect((await storage.keys(target.bucket)).toSorted()).toEqual([
      `${prefix}/model.pt`,
      `${prefix}/run 1/log "a".txt`,
    ]);
    expect(await storage.text(target.bucket, `${prefix}/model.pt`)).toBe("weights");
    const head = await storage.client.send(new HeadObjectCommand({ Bucket: target.bucket, Key: `${prefix}/model.pt` }));
    expect(Math.floor(Number(head.Metadata?.mtime))).toBe(1_700_000_000);
    const manifest = JSON.parse(
      await storage.text(target.bucket, `runs/${held.id}/.pulumi-vast/manifest.json`),
    ) as Inputs;
    expect(manifest).toMatchObject({
      contractId: Number(held.id),
      verify: "size",
      folders: [
        {
          path: OUT,
          exists: true,
          files: [{ path: "model.pt", sizeBytes: 7, mtimeS: 1_700_000_000 }, { path: 'run 1/log "a".txt' }],
        },
      ],
    });
    expect(await world.instances()).toEqual([]);
    expect(world.logs.join("\n")).toMatch(
      /verified 2 files \(16 bytes\).*[\s\S]*is destroyed; the account's list no longer has it/,
    );
  });

  test("also saves what is written between the first copy and the stop", async () => {
    await using world = await startWorld();
    await world.admin("POST", "/workloads", {
      model: "training",
      checkpointEverySeconds: 20,
      checkpointBytes: 1000,
      dir: OUT,
    });
    const target = await storage.connect(world);
    const held = await create(world.context(), worker({ copyOut: { target, paths: [OUT] } }));
    await world.write(Number(held.id), `${OUT}/first.pt`, "weights");
    await destroy({ world, held });
    const [gone] = await world.admin<{ filesAtDestroy: { path: string; sizeBytes?: number; size?: number }[] }[]>(
      "GET",
      "/instances?all=1",
    );
    const left = (gone?.filesAtDestroy ?? []).filter(({ path }) => path.startsWith(`${OUT}/`)).map(({ path }) => path);
    // The worker went on while the first copy ran.
    expect(left.length).toBeGreaterThan(1);
    expect((await storage.keys(target.bucket)).toSorted()).toEqual(
      left.map((path) => `runs/${held.id}${path}`).toSorted(),
    );
  });

  test("of what is gone already succeeds", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.context().destroyer.destroy(Number(held.id));
    await destroy({ world, held });
    expect(world.logs.at(-1)).toContain("is gone already");
  });

  test("of a machine that never ran needs no copy-out", async () => {
    await using world = await startWorld();
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    const held = await create(world.context(), worker({ waitFor: "created" }));
    await destroy({ world, held });
    expect(await world.instances()).toEqual([]);
  });

  test("of a machine that ran later, which no run of ours has seen running, is not exempt", async () => {
    await using world = await startWorld();
    const held = unseen(await create(world.context(), worker({ waitFor: "created" })));
    await world.until(Number(held.id), ({ actual }) => actual === "running");
    await expect(destroy({ world, held })).rejects.toThrow(/has run and declares no copy-out/);
    expect(await world.instances()).toHaveLength(1);
  });

  test("of a machine that ran unseen and is loading again is not exempt: there are results on its disk", async () => {
    await using world = await startWorld({ speed: 60 });
    const held = unseen(await create(world.context(), worker({ waitFor: "created" })));
    await world.until(Number(held.id), ({ actual }) => actual === "running");
    await world.fault({ endpoint: "boot", kind: "pull-stuck" });
    await world.admin("POST", `/instances/${held.id}/crash`);
    await world.context().transport.call(setState, Number(held.id), "running");
    await world.until(Number(held.id), ({ actual }) => actual === "loading");
    await expect(destroy({ world, held })).rejects.toThrow(/has run and declares no copy-out/);
    expect(await world.instances()).toHaveLength(1);
  });

  test("of a stopped machine copies without starting it", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    await world.admin("POST", `/instances/${running.held.id}/crash`);
    await destroy(running);
    expect(await storage.keys(running.target.bucket)).toHaveLength(2);
    expect(await world.instances()).toEqual([]);
  });

  test("of an outbid worker saves its results too", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await create(world.context(), worker({ bid: 1.5, copyOut: { target, paths: [OUT] } }));
    await world.write(Number(held.id), `${OUT}/model.pt`, "weights");
    await world.admin("POST", `/instances/${held.id}/preempt`);
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    await destroy({ world, held });
    expect(await storage.keys(target.bucket)).toEqual([`runs/${held.id}/workspace/out/model.pt`]);
  });

  test("of a machine that is just starting again stops it first, so that nothing is written behind the copy", async () => {
    await using world = await startWorld({ speed: 100 });
    const running = await withResults(world);
    await world.admin("POST", "/workloads", {
      model: "training",
      checkpointEverySeconds: 5,
      checkpointBytes: 100,
      dir: OUT,
    });
    await world.admin("POST", `/instances/${running.held.id}/crash`);
    await world.context().transport.call(setState, Number(running.held.id), "running");
    await destroy(running);
    const [gone] = await world.admin<{ filesAtDestroy: { path: string }[] }[]>("GET", "/instances?all=1");
    const left = (gone?.filesAtDestroy ?? []).filter(({ path }) => path.startsWith(`${OUT}/`)).map(({ path }) => path);
    expect((await storage.keys(running.target.bucket)).toSorted()).toEqual(
      left.map((path) => `runs/${running.held.id}${path}`).toSorted(),
    );
  });
});

describe("a copy that does not arrive", () => {
  test.for(["copy-noop", "copy-half"] as const)(
    "although it reports success (%s) stops the destroy, with the instance left running as it was",
    async (kind) => {
      await using world = await startWorld();
      const running = await withResults(world);
      await world.fault({ endpoint: "copy", kind });
      await expect(destroy(running)).rejects.toThrow(
        /not safely there:\n.*(model|log)[\s\S]*was not destroyed: it is left running as it was; its state is kept/,
      );
      expect(await instanceOf(running)).toMatchObject({ actual: "running", intended: "running", destroyedAt: null });
    },
  );

  test("because it fails stops the destroy with the reason; lifting it lets the same command through", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    await world.fault({ endpoint: "copy", kind: "copy-fail", body: "AccessDenied: quota" });
    await expect(destroy(running)).rejects.toThrow(
      /Cloud Copy Failed: AccessDenied: quota[\s\S]*cloud connection in the Vast console[\s\S]*left running/,
    );
    expect(await instanceOf(running)).toMatchObject({ actual: "running" });
    await destroy(running);
    expect(await storage.keys(running.target.bucket)).toHaveLength(2);
    expect(await world.instances()).toEqual([]);
  });

  test("over a checkpoint that the trainer rotated away meanwhile does not hold up the destroy", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    const { id, state } = running.held;
    const context = world.context();
    const [row] = [...(await context.sweeper.atMost(0)).rows.values()];
    if (!row) throw new Error("the worker is not listed");
    await copyOutNow(context, state, row);
    await world.write(Number(id), `${OUT}/step-1.pt`, "old weights");
    await world.fault({ endpoint: "copy", kind: "copy-fail", body: "step-1.pt: no such file or directory" });
    const { transport } = context;
    const rotating = world.context(
      {},
      {
        transport: {
          ...transport,
          call: async (endpoint, ...args) => {
            if (endpoint.route === startCloudCopy.route)
              await transport.call(execute, Number(id), `rm ${OUT}/step-1.pt`);
            return transport.call(endpoint, ...args);
          },
        },
      },
    );
    await destroy(running, rotating);
    expect(world.logs.join("\n")).toMatch(/what did not change meanwhile is in the bucket all the same/);
    expect(await world.instances()).toEqual([]);
  });

  test("after the stop keeps the instance stopped, with its disk", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    // It is stopped already, so the only copy is the one after the stop.
    await world.context().transport.call(setState, Number(running.held.id), "stopped");
    await world.until(Number(running.held.id), ({ actual }) => actual === "exited");
    await world.fault({ endpoint: "copy", kind: "copy-fail" });
    await expect(destroy(running)).rejects.toThrow(/is not in the bucket[\s\S]*is stopped and kept with its disk/);
    expect(await instanceOf(running)).toMatchObject({ actual: "exited", destroyedAt: null });
  });

  test("with onCopyFailure stop ends the GPU's meter and keeps the disk", async () => {
    await using world = await startWorld();
    const running = await withResults(world, { onCopyFailure: "stop" });
    await world.fault({ endpoint: "copy", kind: "copy-noop" });
    await expect(destroy(running)).rejects.toThrow(/is stopped and kept with its disk/);
    expect(await instanceOf(running)).toMatchObject({ actual: "exited", destroyedAt: null });
  });

  test("with onCopyFailure stop says so when the stop is refused too", async () => {
    await using world = await startWorld();
    const running = await withResults(world, { onCopyFailure: "stop" });
    await world.fault({ endpoint: "copy", kind: "copy-noop" });
    const body = { success: false, error: "invalid_args", msg: "not now" };
    await world.fault({ endpoint: "PUT /api/v0/instances/{id}/", kind: "status", status: 400, body, times: null });
    await expect(destroy(running)).rejects.toThrow(/not safely there/);
    expect(world.logs.join("\n")).toMatch(/WARNING: trainer-0: contract \d+ could not be stopped either.*not now/);
  });

  test("because it never starts is given up after its timeout, and a later destroy starts a new one", async () => {
    await using world = await startWorld();
    const running = await withResults(world, { timeout: 100 });
    await world.fault({ endpoint: "copy", kind: "copy-stuck" });
    await expect(destroy(running)).rejects.toThrow(/did not end within 100 s/);
    expect(await instanceOf(running)).toMatchObject({ actual: "running" });
    await destroy(running);
    expect(await storage.keys(running.target.bucket)).toHaveLength(2);
    expect(await world.instances()).toEqual([]);
  });

  test("with the same last words as the copy before it is not waited for until its timeout", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    await world.context().transport.call(setState, Number(running.held.id), "stopped");
    await world.until(Number(running.held.id), ({ actual }) => actual === "exited");
    await world.fault({ endpoint: "copy", kind: "copy-noop", times: 2 });
    await expect(destroy(running)).rejects.toThrow(/the copy ended with "Cloud Copy Operation Complete"/);
    await expect(destroy(running)).rejects.toThrow(/the copy ended with "Cloud Copy Operation Complete"/);
  });

  test("because the service refuses it says so", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    const body = { success: false, error: "invalid_args", msg: "Invalid connection." };
    await world.fault({ endpoint: COPY, kind: "status", status: 400, body });
    await expect(destroy(running)).rejects.toThrow(/refused the copy of \/workspace\/out: Invalid connection/);
    expect(await instanceOf(running)).toMatchObject({ actual: "running" });
  });

  test("because nothing matches the required patterns is no success", async () => {
    await using world = await startWorld();
    const running = await withResults(world, { required: ["*.safetensors"] });
    await expect(destroy(running)).rejects.toThrow(
      /no file matches the required "\*\.safetensors" in \/workspace\/out/,
    );
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null });
  });

  test("because the bucket cannot be read keeps the instance", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    const state = {
      ...running.held.state,
      copyOut: { ...running.held.state.copyOut, target: { ...running.target, bucket: "no-such-bucket" } },
    };
    await expect(deleteInstance(world.context(), running.held.id, state as Held["state"])).rejects.toThrow(
      /s3:\/\/no-such-bucket failed[\s\S]*AWS credentials/,
    );
    expect(await instanceOf(running)).toMatchObject({ actual: "running" });
  });

  test("because an old run of another contract left the same files is not hidden by them", async () => {
    await using world = await startWorld();
    const first = await withResults(world);
    await destroy(first);
    const held = await create(world.context(), worker({ copyOut: { target: first.target, paths: [OUT] } }));
    await world.write(Number(held.id), `${OUT}/model.pt`, "weights", 1_700_000_000);
    await world.fault({ endpoint: "copy", kind: "copy-noop", times: null });
    await expect(destroy({ world, held })).rejects.toThrow(/model\.pt is not in the bucket/);
  });
});

describe("a listing that does not come whole", () => {
  test("is no reason to destroy: what is not listed would be lost", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    await world.context().transport.call(setState, Number(running.held.id), "stopped");
    await world.until(Number(running.held.id), ({ actual }) => actual === "exited");
    await world.fault({ endpoint: "execute", kind: "truncate", times: null });
    await expect(destroy(running)).rejects.toThrow(/cut short|not understood/);
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null });
  });

  test("because it never comes keeps the instance", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    await world.context().transport.call(setState, Number(running.held.id), "stopped");
    await world.until(Number(running.held.id), ({ actual }) => actual === "exited");
    await world.fault({ endpoint: "execute", kind: "status", times: null });
    await expect(destroy(running)).rejects.toThrow(/listing of \/workspace\/out .* never came/);
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null });
  });

  test("of a folder that is not there is said, and no obstacle", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const held = await create(world.context(), worker({ copyOut: { target, paths: [OUT] } }));
    await destroy({ world, held });
    expect(world.logs.join("\n")).toContain("there is no /workspace/out");
    expect(await world.instances()).toEqual([]);
  });
});

describe("without a copy-out", () => {
  test("an instance that has run is kept, with what to do", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await expect(destroy({ world, held })).rejects.toThrow(
      /has run and declares no copy-out[\s\S]*declare `copyOut[\s\S]*copyOut\.waive/,
    );
    expect(await world.instances()).toHaveLength(1);
  });

  test("it goes with a written reason, which is said loudly", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ copyOut: { waive: "it only warmed a cache" } }));
    await destroy({ world, held });
    expect(await world.instances()).toEqual([]);
    expect(world.logs.join("\n")).toMatch(
      /WAIVED: trainer-0.*WITHOUT copying anything out\. Reason given: it only warmed a cache/,
    );
  });

  test("it goes with a reason for one run, for the resources named in it and no others", async () => {
    await using world = await startWorld();
    const one = await create(world.context(), worker({}, "one"));
    const two = await create(world.context(), worker({}, "two"));
    const waiver = { resources: ["one"], reason: "results are in the registry" };
    await destroy({ world, held: one }, world.context({ waiver }));
    await expect(destroy({ world, held: two }, world.context({ waiver }))).rejects.toThrow(/declares no copy-out/);
    expect(world.logs.join("\n")).toContain("Reason given: results are in the registry");
  });
});

describe("a reason for one run", () => {
  test("holds for the resource's own name after its label was changed in the console", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ resource: "trainer-0", label: "renamed by hand" }));
    const waiver = { resources: ["trainer-0"], reason: "results are in the registry" };
    await destroy({ world, held }, world.context({ waiver }));
    expect(await world.instances()).toEqual([]);
  });
});

describe("an offline host", () => {
  test("blocks the destroy, which says so and drops nothing", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    await world.admin("POST", `/machines/${running.held.state.machineId}/offline`);
    await world.until(Number(running.held.id), ({ actual }) => actual === "offline");
    await expect(destroy(running)).rejects.toThrow(/its host is offline[\s\S]*bills nothing meanwhile/);
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null, intended: "running" });
  });

  test("that goes away in the middle of a copy ends the wait for it, with the reason; once it is back, all is copied", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    const { held, target } = running;
    await world.fault({ endpoint: "copy", kind: "copy-stuck" });
    const destroyed = destroy(running);
    const why = expect(destroyed).rejects.toThrow(
      /its host went offline while the copy of \/workspace\/out was under way[\s\S]*bills nothing meanwhile/,
    );
    while ((await copiesOf(world)).length === 0) await new Promise((resolve) => setImmediate(resolve));
    await world.admin("POST", `/machines/${held.state.machineId}/offline`);
    await why;
    await world.admin("POST", `/machines/${held.state.machineId}/online`);
    await world.until(Number(held.id), ({ actual }) => actual === "running");
    await destroy(running);
    expect(await storage.keys(target.bucket)).toHaveLength(2);
    expect(world.logs.join("\n")).not.toContain("under way already");
  });

  test("with onCopyFailure stop is also told not to run on when it is back", async () => {
    await using world = await startWorld();
    const running = await withResults(world, { onCopyFailure: "stop" });
    await world.admin("POST", `/machines/${running.held.state.machineId}/offline`);
    await world.until(Number(running.held.id), ({ actual }) => actual === "offline");
    await expect(destroy(running)).rejects.toThrow(/its host is offline[\s\S]*was asked to stop and is kept/);
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null, intended: "stopped" });
  });
});

describe("links among the results", () => {
  /** A worker whose newest checkpoint is only linked to, as training frameworks do. */
  async function withLink(data: string, copyOut: Inputs) {
    const world = await startWorld({ data });
    const running = await withResults(world, copyOut);
    const files = readdirSync(data, { recursive: true, encoding: "utf8" });
    const model = files.find((path) => path.endsWith("/out/model.pt"));
    symlinkSync("model.pt", join(dirname(join(data, String(model))), "latest.ckpt"));
    return running;
  }
  const folder = () => {
    const data = mkdtempSync(join(tmpdir(), "vast-links-"));
    onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    return data;
  };

  test("are not copied, and named in a warning", async () => {
    const running = await withLink(folder(), {});
    await using world = running.world;
    await destroy(running);
    expect(world.logs.join("\n")).toMatch(
      /WARNING: trainer-0: links, sockets and the like are not copied, only files: \/workspace\/out\/latest\.ckpt;/,
    );
    expect(await storage.keys(running.target.bucket)).toHaveLength(2);
  });

  test("do not meet a required pattern, and the error says that they are links", async () => {
    const running = await withLink(folder(), { required: ["*.ckpt"] });
    await using _world = running.world;
    await expect(destroy(running)).rejects.toThrow(
      /no file matches the required "\*\.ckpt".*latest\.ckpt would, but is no plain file, so it is not copied/,
    );
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null });
  });
});

describe("a contract that somebody destroys while it is copied out", () => {
  test("is reported as gone, with what that means for the copy; the next destroy succeeds", async () => {
    await using world = await startWorld({ speed: 100 });
    const running = await withResults(world);
    await world.admin("POST", `/instances/${running.held.id}/write`, { path: `${OUT}/big.bin`, bytes: 4_000_000 });
    const result = destroy(running).catch((error: unknown) => error);
    while ((await copiesOf(world)).length === 0);
    await world.context().transport.call(destroyInstance, Number(running.held.id));
    expect(await result).toMatchObject({
      code: "not-found",
      message: expect.stringMatching(
        /is gone: it was destroyed elsewhere while its files were copied out.*was not verified; what had not is lost/,
      ) as string,
    });
    expect(world.logs.join("\n")).not.toContain("verified");
    await destroy(running);
    expect(world.logs.at(-1)).toContain("is gone already");
  });
});

describe("a destroy that was cut short", () => {
  test("waits for the copy that is under way instead of starting another one", async () => {
    await using world = await startWorld({ speed: 100 });
    const running = await withResults(world);
    // Two megabytes a second is what the host's link gives: this copy takes a while.
    await world.admin("POST", `/instances/${running.held.id}/write`, { path: `${OUT}/big.bin`, bytes: 4_000_000 });
    const killed = new AbortController();
    const clock = { ...world.context().clock };
    const context = world.context({}, { clock: { ...clock, sleep: (seconds) => clock.sleep(seconds, killed.signal) } });
    const first = destroy(running, context).catch(() => "cut short");
    while ((await copiesOf(world)).length === 0);
    await world.until(Number(running.held.id), (instance) =>
      /Cloud Copy/.test(String((instance as { statusMsg?: string }).statusMsg)),
    );
    killed.abort();
    expect(await first).toBe("cut short");
    await destroy(running);
    expect(await world.instances()).toEqual([]);
    expect(await storage.keys(running.target.bucket)).toHaveLength(3);
  });

  test("and left a marker that cannot be understood starts a new copy, and says so", async () => {
    await using world = await startWorld();
    const running = await withResults(world);
    for (const text of ["{ not json", '{"path":7}']) {
      await storage.put(running.target.bucket, `runs/${running.held.id}/.pulumi-vast/copy.json`, text);
      await world.fault({ endpoint: "copy", kind: "copy-noop" });
      await expect(destroy(running)).rejects.toThrow(/not safely there/);
      expect(world.logs.join("\n")).toMatch(/WARNING: trainer-0: the marker of the last copy .* cannot be understood/);
      world.logs.length = 0;
    }
    await destroy(running);
    expect(await world.instances()).toEqual([]);
  });

  test("long ago does not hold up a new one: the old copy is no longer waited for", async () => {
    await using world = await startWorld();
    const running = await withResults(world, { timeout: 200 });
    const started = new Date(Date.now() - 86_400_000).toISOString();
    const key = `runs/${running.held.id}/.pulumi-vast/copy.json`;
    await storage.put(
      running.target.bucket,
      key,
      JSON.stringify({ path: OUT, messageBefore: "something else", startedAt: started }),
    );
    await destroy(running);
    expect(await world.instances()).toEqual([]);
  });
});

describe("many destroys at once", () => {
  test("with results take two listings, one copy and one stop each, without a single 429", async () => {
    await using world = await startWorld();
    const target = await storage.connect(world);
    const creating = world.context();
    const names = ["a", "b", "c", "d", "e", "f"];
    const inputs = { copyOut: { target, paths: [OUT] } };
    const held = await Promise.all(names.map((name) => create(creating, worker(inputs, name))));
    for (const { id } of held) await world.write(Number(id), `${OUT}/model.pt`, "weights", 1_700_000_000);
    await world.forgetRequests();
    const context = world.context();
    await Promise.all(held.map((one) => destroy({ world, held: one }, context)));
    const count = async (route: string) => (await world.requests(route)).length;
    expect(await count("PUT /api/v0/instances/command/{id}/")).toBe(2 * names.length);
    expect(await count(COPY)).toBe(names.length);
    expect(await count("PUT /api/v0/instances/{id}/")).toBe(names.length);
    expect((await world.requests()).filter(({ status }) => status === 429)).toEqual([]);
    expect(await storage.keys(target.bucket)).toHaveLength(names.length);
  });

  test("are gathered into one bulk call and proved by the list", async () => {
    await using world = await startWorld();
    const creating = world.context();
    const inputs = { copyOut: { waive: "nothing of value was made" } };
    const held = await Promise.all(["a", "b", "c", "d", "e"].map((name) => create(creating, worker(inputs, name))));
    await world.forgetRequests();
    const context = world.context();
    await Promise.all(held.map((one) => destroy({ world, held: one }, context)));
    expect(await world.requests(DELETE_MANY)).toHaveLength(1);
    expect(await world.requests(DELETE_ONE)).toEqual([]);
    expect((await world.requests()).filter(({ status }) => status === 429)).toEqual([]);
    expect(await world.instances()).toEqual([]);
  });

  test("go one by one where the service refuses bulk calls", async () => {
    await using world = await startWorld();
    const creating = world.context();
    const inputs = { copyOut: { waive: "nothing of value was made" } };
    const held = await Promise.all(["a", "b", "c"].map((name) => create(creating, worker(inputs, name))));
    const body = { success: false, error: "invalid_request", msg: "no such thing" };
    await world.fault({ endpoint: DELETE_MANY, kind: "status", status: 400, body, times: null });
    const context = world.context();
    await Promise.all(held.map((one) => destroy({ world, held: one }, context)));
    expect(await world.requests(DELETE_ONE)).toHaveLength(3);
    expect(await world.instances()).toEqual([]);
  });

  test("that answer success and destroy nothing are errors: the meter runs", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ copyOut: { waive: "nothing of value was made" } }));
    // The answer of another endpoint's success, without any effect.
    await world.fault({ endpoint: DELETE_ONE, kind: "status", status: 200, body: { success: true }, times: null });
    await expect(destroy({ world, held })).rejects.toThrow(
      /still listed 180 s after its destroy was accepted; it may still bill/,
    );
    expect(await world.instances()).toHaveLength(1);
  });

  test("whose answers are lost are proved by the list", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ copyOut: { waive: "nothing of value was made" } }));
    await world.fault({ endpoint: DELETE_ONE, kind: "drop-after" });
    await destroy({ world, held });
    expect(await world.instances()).toEqual([]);
  });
});
