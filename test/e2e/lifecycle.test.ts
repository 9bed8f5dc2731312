import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPOSITORY } from "../../tools/stack.ts";
import { callVast, instances, living, ok, openScene, type Scene, until, upWithConnection } from "./harness.ts";

const CANARY = "canary-value-of-a-secret-environment-variable";
const fleets = { trainer: { profile: "self-play", workers: 2 } };
const LABEL = 'pulumi-vast:fleets.trainer.overrides["0"].label';

describe("a stack's life", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(fleets);
    const variable = "pulumi-vast:fleets.trainer.with.env.HF_TOKEN";
    await ok(scene.stack, ["config", "set", "--secret", "--path", variable, CANARY]);
    await ok(scene.stack, ["config", "set", "--secret", "vast:apiKey", scene.local.vastApiKey]);
    await upWithConnection(scene);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  test("up rents one running contract for each resource", async () => {
    const alive = await living(scene);
    expect(alive.map((instance) => instance.label).sort()).toEqual(["trainer-worker-0", "trainer-worker-1"]);
    expect(await instances(scene)).toHaveLength(2);
  });

  test("a preview right after is clean", async () => {
    const preview = await ok(scene.stack, ["preview", "--expect-no-changes"]);
    expect(preview.all).toMatch(/unchanged/);
  });

  test("a refresh right after finds no change", async () => {
    const refresh = await ok(scene.stack, ["refresh", "--yes", "--skip-preview", "--expect-no-changes"]);
    expect(refresh.all).not.toMatch(/\bupdated\b/);
  });

  test("a new label is one update in place", async () => {
    const before = (await living(scene)).map((instance) => instance.id);
    await ok(scene.stack, ["config", "set", "--path", LABEL, "trainer-renamed"]);
    const up = await ok(scene.stack, ["up", "--yes", "--skip-preview"]);
    expect(up.all).toMatch(/~ 1 updated/);
    const after = await living(scene);
    expect(after.map((instance) => instance.id)).toEqual(before);
    expect(after.map((instance) => instance.label)).toContain("trainer-renamed");
    await ok(scene.stack, ["config", "rm", "--path", LABEL]);
    await ok(scene.stack, ["up", "--yes", "--skip-preview"]);
  });

  test("an instance stopped behind Pulumi's back shows as drift, and a plain up starts it again", async () => {
    const [first] = await living(scene);
    await callVast(scene, "PUT", `/api/v0/instances/${first?.id}/`, { state: "stopped" });
    const row = () =>
      callVast(scene, "GET", `/api/v0/instances/${first?.id}/?owner=me`) as Promise<{
        instances?: { cur_state: string };
      }>;
    await until(async () => (await row()).instances?.cur_state === "stopped");
    const refresh = await ok(scene.stack, ["refresh", "--yes", "--skip-preview", "--diff"]);
    expect(refresh.all).toMatch(/state\s*: "running" => "stopped"/);
    const up = await ok(scene.stack, ["up", "--yes", "--skip-preview"]);
    expect(up.all).toMatch(/stopped and bills its disk/);
    await until(async () => (await row()).instances?.cur_state === "running");
    expect(await instances(scene)).toHaveLength(2);
  });

  test("a change in the provider's code leaves the preview unchanged", async () => {
    const file = join(REPOSITORY, "provider/lifecycle/changes.ts");
    const source = readFileSync(file, "utf8");
    try {
      appendFileSync(file, "\nexport const somethingNew = 1;\n");
      await ok(scene.stack, ["preview", "--expect-no-changes"]);
    } finally {
      writeFileSync(file, source);
    }
  });

  test("keys and secret variables are nowhere in the state, the logs or the files of the stack", async () => {
    const state = (await ok(scene.stack, ["stack", "export"])).stdout;
    const listing = (await execa("grep", ["-rlE", `${CANARY}|${scene.local.vastApiKey}`, scene.dir], { reject: false }))
      .stdout;
    expect(state).not.toContain(CANARY);
    expect(state).not.toContain(scene.local.vastApiKey);
    // The simulator is the service: it knows the environment of what it runs.
    expect(
      listing
        .split("\n")
        .filter((file) => file.includes("/state/") || file.includes("/cache/") || file.endsWith(".yaml")),
    ).toEqual([]);
  });

  test("keys and secret variables are in no process's arguments while the engine works", async () => {
    let running = true;
    const refresh = ok(scene.stack, ["refresh", "--yes", "--skip-preview"]).finally(() => {
      running = false;
    });
    const seen: string[] = [];
    while (running) seen.push((await execa("ps", ["-eo", "args"])).stdout);
    await refresh;
    expect(seen.join("\n")).toMatch(/pulumi-language-nodejs/);
    expect(seen.join("\n")).not.toContain(CANARY);
    expect(seen.join("\n")).not.toContain(scene.local.vastApiKey);
  });

  test("an instance's state stays under 7 KB and its serialised provider under 1.5 KB", async () => {
    const { deployment } = await scene.stack.exportState();
    const instance = deployment.resources?.find((resource) => resource.type === "pulumi-nodejs:dynamic/vast:Instance");
    expect(JSON.stringify(instance).length).toBeLessThan(7_000);
    expect(String(instance?.inputs?.__provider).length).toBeLessThan(1_500);
  });

  test("destroy leaves nothing behind but the results", async () => {
    await ok(scene.stack, ["destroy", "--yes", "--skip-preview"]);
    expect(await living(scene)).toEqual([]);
    for (const instance of await instances(scene)) {
      const results = instance.filesAtDestroy.filter((file) => file.path.startsWith("/workspace/checkpoints/"));
      expect(results.length).toBeGreaterThan(0);
    }
    expect(readdirSync(scene.dir)).toContain("state");
  });
});
