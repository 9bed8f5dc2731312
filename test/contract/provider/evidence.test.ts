import { createHash } from "node:crypto";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { execute, setState } from "../../../provider/api/instances.ts";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import { copyOutNow } from "../../../provider/copy-out/on-demand.ts";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
import { findContract } from "../../../provider/lifecycle/instance/read.ts";
import { sshKey } from "../../support/ssh-key.ts";
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

const OUT = "/workspace/out";
let storage: Storage;
const key = sshKey();
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(async () => {
  key.remove();
  await storage.stop();
});

interface Running {
  world: VastWorld;
  target: Binding;
  held: Held;
}

/** A worker that answers SSH to our key, with two results on its disk. */
async function reachable(world: VastWorld, copyOut: Inputs, inputs: Inputs = {}): Promise<Running> {
  const target = await storage.connect(world);
  const criteria = { gpu: "RTX 4090", minDirectPorts: 20 };
  const held = await create(
    world.context(),
    worker({ offer: criteria, sshKeys: [key.publicKey], copyOut: { target, paths: [OUT], ...copyOut }, ...inputs }),
  );
  await world.write(Number(held.id), `${OUT}/model.pt`, "weights", 1_700_000_000);
  await world.write(Number(held.id), `${OUT}/run 1/it's.txt`, "loss 0.1\n", 1_700_000_100);
  return { world, target, held };
}

const destroy = ({ world, held }: Running, sshKeyFile: string | undefined = key.file) =>
  deleteInstance(world.context({ sshKeyFile }), held.id, held.state);
const instanceOf = async ({ world, held }: Running) =>
  (await world.instances()).find(({ id }) => String(id) === held.id);
const manifestOf = async ({ target, held }: Running) =>
  JSON.parse(await storage.text(target.bucket, `runs/${held.id}/.pulumi-vast/manifest.json`)) as Inputs;

async function stop({ world, held }: Running): Promise<void> {
  await world.context().transport.call(setState, Number(held.id), "stopped");
  await world.until(Number(held.id), ({ actual }) => actual === "exited");
}

/** As a host with bad memory does it: size and time are right, the bytes are not. */
async function corrupt({ target, held }: Running): Promise<void> {
  const Key = `runs/${held.id}${OUT}/model.pt`;
  const Metadata = { mtime: "1700000000" };
  await storage.client.send(new PutObjectCommand({ Bucket: target.bucket, Key, Body: "weighty", Metadata }));
}

describe("verify by checksum", () => {
  test("compares every file's SHA-256 from the instance with its object's, and puts it into the manifest", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" });
    await destroy(running);
    expect(await world.instances()).toEqual([]);
    expect(await manifestOf(running)).toMatchObject({
      verify: "checksum",
      live: false,
      folders: [
        {
          files: [
            { path: "model.pt", sha256: createHash("sha256").update("weights").digest("hex") },
            { path: "run 1/it's.txt", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
          ],
        },
      ],
    });
    expect(world.logs.join("\n")).toMatch(/verified 2 files \(16 bytes, by SHA-256\)/);
  });

  test("finds an object whose bytes differ although size and time agree", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" });
    await corrupt(running);
    await expect(destroy(running)).rejects.toThrow(
      /another SHA-256 than the file on the instance: runs\/\d+\/workspace\/out\/model\.pt[\s\S]*delete these objects/,
    );
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null });
  });

  test("goes by the proxy where the instance has no port of its own", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" }, { runtype: "ssh" });
    await destroy(running);
    expect(await world.instances()).toEqual([]);
  });

  test("without a key that the instance knows blocks before the stop, with what to do", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" });
    const stranger = sshKey();
    await expect(destroy(running, stranger.file)).rejects.toThrow(
      /no SSH to contract \d+: .*authentication[\s\S]*in `sshKeys`[\s\S]*left running as it was/,
    );
    stranger.remove();
    await expect(destroy(running, "/nowhere/id")).rejects.toThrow(/\/nowhere\/id cannot be read \(ENOENT\)/);
    expect(await instanceOf(running)).toMatchObject({ actual: "running", destroyedAt: null });
  });

  test("of a stopped instance blocks: its sums can no longer be taken", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" });
    await stop(running);
    await expect(destroy(running)).rejects.toThrow(
      /2 files have no SHA-256 from before the stop.*model\.pt[\s\S]*verify: "size"/,
    );
    expect(await instanceOf(running)).toMatchObject({ destroyedAt: null });
  });

  test("goes on after an interruption with the sums from before the stop, for files that are unchanged", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum", required: ["*.safetensors"] });
    await expect(destroy(running)).rejects.toThrow(/no file matches the required/);
    expect(await instanceOf(running)).toMatchObject({ actual: "exited" });
    const copyOut = { ...running.held.state.copyOut, required: [] };
    const held = { ...running.held, state: { ...running.held.state, copyOut } as Held["state"] };
    await world.write(Number(held.id), `${OUT}/late.pt`, "later", 1_700_000_200);
    await expect(destroy({ ...running, held })).rejects.toThrow(
      /1 file has no SHA-256 from before the stop, or changed after it was taken: \/workspace\/out\/late\.pt/,
    );
    await world.context().transport.call(setState, Number(held.id), "running");
    await world.until(Number(held.id), ({ actual }) => actual === "running");
    await destroy({ ...running, held });
    expect(await world.instances()).toEqual([]);
  });
});

describe("a copy-out on demand that is to be verified by checksum", () => {
  async function now({ world, held }: Running, context = world.context({ sshKeyFile: key.file })) {
    const row = await findContract(context, held.id, held.state, 0);
    if (!row) throw new Error("gone");
    return copyOutNow(context, held.state, row);
  }

  test("compares SHA-256 as the gate does, and lets the worker run on", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" });
    const manifest = await now(running);
    expect(manifest).toMatchObject({ live: true, verify: "checksum" });
    expect(manifest.folders[0]?.files.map(({ sha256 }) => sha256?.length)).toEqual([64, 64]);
    expect(await instanceOf(running)).toMatchObject({ actual: "running" });
    await corrupt(running);
    await expect(now(running)).rejects.toThrow(/another SHA-256 than the file on the instance: runs\/\d+.*model\.pt/);
    expect(await instanceOf(running)).toMatchObject({ actual: "running" });
  });

  test("leaves out what the worker changes while the sums are taken", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" });
    const { transport } = world.context();
    let listings = 0;
    const busy = world.context(
      { sshKeyFile: key.file },
      {
        transport: {
          ...transport,
          call: async (endpoint, ...args) => {
            if (endpoint.route === execute.route) listings += 1;
            // The second listing is the one after the sums.
            if (listings === 2) await world.write(Number(running.held.id), `${OUT}/model.pt`, "newer", 1_700_000_500);
            return transport.call(endpoint, ...args);
          },
        },
      },
    );
    expect((await now(running, busy)).folders[0]?.files.map(({ path }) => path)).toEqual(["run 1/it's.txt"]);
  });

  test("of a stopped instance blocks unless sums from before the stop hold", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verify: "checksum" });
    await stop(running);
    await expect(now(running)).rejects.toThrow(/2 files have no SHA-256 from before the stop/);
  });
});

describe("a verify command", () => {
  test("that passes lets the destroy through, and runs before the stop", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verifyCommand: `test -f ${OUT}/model.pt` });
    await destroy(running);
    expect(await world.instances()).toEqual([]);
  });

  test("that fails blocks with its last lines, and leaves the instance running", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verifyCommand: "cat /workspace/out/optimizer.pt" });
    await expect(destroy(running)).rejects.toThrow(
      /verify command ended with exit code 1: cat .*\n {4}cat: \/workspace\/out\/optimizer\.pt: No such file[\s\S]*left running/,
    );
    expect(await instanceOf(running)).toMatchObject({ actual: "running", destroyedAt: null });
  });

  test("cannot be run on a stopped instance, which blocks, unless it passed on these very files", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verifyCommand: "true", required: ["*.safetensors"] });
    await expect(destroy(running)).rejects.toThrow(/no file matches the required/);
    const copyOut = { ...running.held.state.copyOut, required: [] };
    const held = { ...running.held, state: { ...running.held.state, copyOut } as Held["state"] };
    await world.write(Number(held.id), `${OUT}/late.pt`, "later", 1_700_000_200);
    await expect(destroy({ ...running, held })).rejects.toThrow(/does not run, so it cannot be run/);
    expect(await instanceOf(running)).toMatchObject({ actual: "exited", destroyedAt: null });
  });

  test("that passed before an interrupted destroy stopped the instance need not run again", async () => {
    await using world = await startWorld({ ssh: true });
    const running = await reachable(world, { verifyCommand: "true", required: ["*.safetensors"] });
    await expect(destroy(running)).rejects.toThrow(/no file matches the required/);
    const copyOut = { ...running.held.state.copyOut, required: [] };
    const held = { ...running.held, state: { ...running.held.state, copyOut } as Held["state"] };
    await destroy({ ...running, held });
    expect(await world.instances()).toEqual([]);
  });
});
