import { describe, expect, test } from "vitest";
import { z } from "zod";
import { detachSshKey, listSshKeys } from "../../../provider/api/instances.ts";
import { endpoint } from "../../../provider/api/transport.ts";
import { createInstance } from "../../../provider/lifecycle/instance/create.ts";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { readInstance } from "../../../provider/lifecycle/instance/read.ts";
import { updateInstance } from "../../../provider/lifecycle/instance/update.ts";
import {
  checked,
  create,
  type Held,
  type Inputs,
  startWorld,
  type VastWorld,
  worker,
} from "../../support/vast-world.ts";

const diff = (world: VastWorld, { id, state }: Held, inputs: Inputs) =>
  diffInstance(world.context(), id, state, checked(inputs));
async function update(world: VastWorld, held: Held, inputs: Inputs): Promise<Held> {
  const { outs } = await updateInstance(world.context(), held.id, held.state, checked(inputs));
  return { id: held.id, state: outs as Held["state"] };
}
const without = ({ image: _, ...inputs }: Inputs): Inputs => inputs;

describe("a template", () => {
  const saveTemplate = endpoint({
    method: "POST",
    route: "/api/v0/template/",
    path: (_template: Record<string, unknown>) => "/api/v0/template/",
    body: (template) => template,
    reply: z.object({ template: z.object({ hash_id: z.string() }) }).transform((reply) => reply.template.hash_id),
    resend: "when-refused",
  });
  const save = (world: VastWorld, different: Record<string, unknown> = {}) =>
    world.context().transport.call(saveTemplate, {
      ...{ name: "base", image: "debian", tag: "12", env: "-e FROM_TEMPLATE=yes", onstart: "echo hello" },
      ...different,
    });

  test("gives what the program leaves out; a second run takes the contract up, and nothing has changed", async () => {
    await using world = await startWorld();
    const inputs = without(worker({ template: await save(world), env: { OWN: "1" } }));
    const held = await create(world.context(), inputs);
    const [contract] = await world.instances();
    expect(contract).toMatchObject({ image: "debian:12" });
    expect(contract?.env).toEqual(
      expect.arrayContaining([
        ["FROM_TEMPLATE", "yes"],
        ["OWN", "1"],
      ]),
    );
    expect(await diff(world, held, inputs)).toMatchObject({ changes: false });
    const { props } = await readInstance(world.context(), held.id, held.state);
    expect(await diff(world, { id: held.id, state: props as Held["state"] }, inputs)).toMatchObject({ changes: false });
    expect((await create(world.context(), inputs)).id).toBe(held.id);
  });

  test("that is another one now recreates the container in place", async () => {
    await using world = await startWorld();
    const copyOut = { waive: "this test keeps nothing" };
    const held = await create(world.context(), without(worker({ template: await save(world), copyOut })));
    const inputs = without(worker({ template: await save(world, { name: "other", tag: "13" }), copyOut }));
    expect(await diff(world, held, inputs)).toMatchObject({ changes: true, replaces: [] });
    expect(world.logs.at(-1)).toContain("a new template recreates the container");
    await update(world, held, inputs);
    expect(await world.instancesEver()).toMatchObject([{ id: Number(held.id), image: "debian:13", actual: "running" }]);
  });

  test("or an image must be there", () => {
    expect(() => checked(without(worker()))).toThrow(/name an image, or a `template`/);
  });
});

describe("a bid with a fallback", () => {
  const inputs = worker({ bid: 0.01, fallback: "on-demand", offer: { gpu: "RTX 4090", maxDph: 1 } });

  test("rents on demand within maxDph when no interruptible offer matches, says so, and sees no difference later", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), inputs);
    expect(held.state).toMatchObject({ interruptible: false, bid: 0.01 });
    expect(held.state.dph).toBeLessThanOrEqual(1);
    expect(world.logs.join("\n")).toContain("on demand (no bid fits)");
    expect(await diff(world, held, inputs)).toMatchObject({ changes: false });
    const renamed = { ...inputs, label: "renamed" };
    const after = await update(world, held, renamed);
    const { props } = await readInstance(world.context(), held.id, after.state);
    expect(await diff(world, { id: held.id, state: props as Held["state"] }, renamed)).toMatchObject({
      changes: false,
    });
    expect((await create(world.context(), renamed)).id).toBe(held.id);
    expect(await world.instancesEver()).toMatchObject([{ isBid: false, label: "renamed" }]);
  });

  test("is interruptible where an offer matches", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), { ...inputs, bid: 0.9 });
    expect(held.state.interruptible).toBe(true);
  });

  test("that is taken out of the program replaces what had to be rented on demand", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), inputs);
    const strict = worker({ bid: 0.01, offer: { gpu: "RTX 4090", maxDph: 1 } });
    expect((await diff(world, held, strict)).replaces).toEqual(["fallback"]);
  });

  test("rents nothing when on demand is over maxDph too, and says both", async () => {
    await using world = await startWorld();
    const poor = checked({ ...inputs, offer: { gpu: "RTX 4090", maxDph: 0.05 } });
    await expect(createInstance(world.context(), poor)).rejects.toThrow(/matches; on demand: no offer/);
    expect(await world.instancesEver()).toEqual([]);
  });

  test("needs a price cap", () => {
    expect(() => checked(worker({ bid: 0.2, fallback: "on-demand" }))).toThrow(
      /offer\.maxDph.*is needed with `fallback`/,
    );
  });
});

describe("SSH keys", () => {
  const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOKMAcH0JMpVvbqs8rMbm1Yp1Ap3GPc9Hcu4u1nFFcHC me@laptop";
  const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5r0bVqWcSgJdhhTQ7v0b4l3Ju0m8s3cXq4m7Jr0S0u you@desk";
  const attached = async (world: VastWorld, held: Held) =>
    (await world.context().transport.call(listSshKeys, Number(held.id))).map((key) => key.public_key);
  const inputs = worker({ sshKeys: [KEY] });

  test("that an instance has lost are seen by a plain preview and by refresh, and attached again by up", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), inputs);
    expect(await diff(world, held, inputs)).toMatchObject({ changes: false });
    for (const key of await world.context().transport.call(listSshKeys, Number(held.id)))
      await world.context().transport.call(detachSshKey, Number(held.id), key.id);
    expect(await diff(world, held, inputs)).toMatchObject({ changes: true, replaces: [] });
    expect(world.logs.at(-1)).toContain("has lost the SSH key me@laptop → `up` repairs it in place");
    expect((await readInstance(world.context(), held.id, held.state)).inputs).toMatchObject({ sshKeys: [] });
    await update(world, held, inputs);
    expect(await attached(world, held)).toEqual([KEY]);
  });

  test("that the program no longer names are detached; others stay", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), worker({ sshKeys: [KEY, OTHER] }));
    const next = worker({ sshKeys: [OTHER] });
    expect(await diff(world, held, next)).toMatchObject({ changes: true, replaces: [] });
    await update(world, held, next);
    expect(await attached(world, held)).toEqual([OTHER]);
  });

  test("are asked about only where the program names any", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.forgetRequests();
    await diff(world, held, worker());
    expect((await world.requests()).filter(({ path }) => path.includes("/ssh/"))).toEqual([]);
  });
});

describe("a worker that is ready when a port answers", () => {
  const inputs = worker({ waitFor: "ready", readyWhen: { port: 22 }, bootTimeout: 100 });

  test("is waited for until it does", async () => {
    await using world = await startWorld({ ssh: true });
    const { state } = await create(world.context(), inputs);
    expect(state.status).toBe("running");
    expect(world.logs.join("\n")).toContain("is running; waiting up to 400 s for answer on port 22");
  });

  test("and does not is kept, with what was tried", async () => {
    await using world = await startWorld({ ssh: true });
    const silent = { ...inputs, ports: [8000], readyWhen: { port: 8000 } };
    await expect(create(world.context(), silent)).rejects.toThrow(
      /is not ready: no answer on port 8000; [\d.:]+ does not answer/,
    );
    expect(await world.instances()).toHaveLength(1);
  });

  test("must open it", () => {
    expect(() => checked(worker({ waitFor: "ready", readyWhen: { port: 8000 } }))).toThrow(/8000 is not open; add it/);
  });
});

describe("arguments of the image's entry point", () => {
  const inputs = worker({ runtype: "args", args: ["--epochs", "3"], copyOut: { waive: "this test keeps nothing" } });

  test("that have run to their end are not run again, and the preview says so", async () => {
    await using world = await startWorld();
    await world.admin("POST", "/workloads", { model: "no-cuda" });
    const held = await create(world.context(), inputs);
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    expect(await diff(world, held, inputs)).toMatchObject({ changes: false });
    expect(world.logs.at(-1)).toMatch(/has run to its end.*nothing is restarted; `pulumi destroy` copies its results/);
    const renamed = await update(world, held, { ...inputs, label: "renamed" });
    expect(renamed.state.status).toBe("exited");
  });

  test("that are others now run in a new container on the same machine", async () => {
    await using world = await startWorld();
    const held = await create(world.context(), inputs);
    const next = { ...inputs, args: ["--epochs", "4"] };
    expect(await diff(world, held, next)).toMatchObject({ changes: true, replaces: [] });
    await update(world, held, next);
    const { rows } = await world.context().sweeper.atMost(0);
    expect(rows.get(Number(held.id))?.image_args).toEqual(["--epochs", "4"]);
    expect(await world.instancesEver()).toHaveLength(1);
  });

  test("are refused where they would be ignored", () => {
    expect(() => checked(worker({ args: ["--epochs"] }))).toThrow(/would be ignored: runtype/);
  });
});
