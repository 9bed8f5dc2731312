import { expect, test } from "vitest";
import { callVast, instances, living, ok, openScene, storedKeys, until, upWithConnection } from "./harness.ts";

const fleets = { trainer: { profile: "self-play", workers: 2 } };

test("a valid key of another, empty account makes refresh and destroy fail and drops nothing", async () => {
  await using scene = await openScene(fleets);
  await upWithConnection(scene);
  const otherKey = "key-of-another-account";
  await scene.local.admin("POST", "/admin/accounts", { apiKey: otherKey, credit: 100 });
  const before = await scene.stack.exportState();
  for (const command of ["refresh", "destroy"]) {
    const result = await scene.stack.pulumi([command, "--yes", "--skip-preview"], { env: { VAST_API_KEY: otherKey } });
    expect(result.exitCode, result.all).not.toBe(0);
    expect(result.all).toMatch(/belongs to Vast\.ai account \d+, but the key in VAST_API_KEY is of account \d+/);
  }
  const after = await scene.stack.exportState();
  const ids = (state: typeof before) =>
    state.deployment.resources?.filter((resource) => /Instance$/.test(resource.type)).map((resource) => resource.id);
  expect(ids(after)).toEqual(ids(before));
  expect(await living(scene)).toHaveLength(2);
});

test("destroy stops where a copy moved only half, keeps that instance, and goes through once it works", async () => {
  await using scene = await openScene(fleets);
  await upWithConnection(scene);
  const [victim] = await living(scene);
  await scene.local.admin("POST", `/admin/instances/${victim?.id}/write`, {
    path: "/workspace/checkpoints/final.pt",
    bytes: 500_000,
  });
  const fault = await scene.local.admin<{ id: number }>("POST", "/admin/faults", {
    endpoint: "copy",
    match: { instanceId: victim?.id },
    kind: "copy-half",
    times: null,
  });
  const refused = await scene.stack.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.all).toMatch(/The instance was not destroyed/);
  expect((await living(scene)).map((instance) => instance.id)).toEqual([victim?.id]);

  await scene.local.admin("DELETE", `/admin/faults/${fault.id}`);
  await ok(scene.stack, ["destroy", "--yes", "--skip-preview"]);
  expect(await living(scene)).toEqual([]);
  const keys = await storedKeys(scene);
  for (const instance of await instances(scene)) {
    for (const file of instance.filesAtDestroy) {
      if (file.path.startsWith("/workspace/checkpoints/"))
        expect(keys).toContain(`results/trainer/${instance.id}${file.path}`);
    }
  }
});

test("destroy and up again use the same bucket, with the old results still in it", async () => {
  await using scene = await openScene({ trainer: { profile: "self-play", workers: 1 } });
  await upWithConnection(scene);
  await scene.local.admin("POST", `/admin/instances/${(await living(scene))[0]?.id}/write`, {
    path: "/workspace/checkpoints/first-life.pt",
    bytes: 1000,
  });
  const bucket = (await ok(scene.stack, ["stack", "output", "bucket"])).stdout;
  await ok(scene.stack, ["destroy", "--yes", "--skip-preview"]);
  const before = await storedKeys(scene);
  expect(before.some((key) => key.endsWith("/first-life.pt"))).toBe(true);

  await upWithConnection(scene);
  expect((await ok(scene.stack, ["stack", "output", "bucket"])).stdout).toBe(bucket);
  expect(await storedKeys(scene)).toEqual(expect.arrayContaining(before));
  await ok(scene.stack, ["destroy", "--yes", "--skip-preview"]);
});

test("an instance destroyed behind Pulumi's back is replaced by a plain up, and its neighbour is left alone", async () => {
  await using scene = await openScene(fleets);
  await upWithConnection(scene);
  const [lost, neighbour] = await living(scene);
  await callVast(scene, "DELETE", `/api/v0/instances/${lost?.id}/`, {});
  await until(async () => (await living(scene)).length === 1);
  const up = await ok(scene.stack, ["up", "--yes", "--skip-preview"]);
  expect(up.all).toMatch(/is gone → `up` replaces it/);
  const alive = (await living(scene)).map((instance) => instance.id);
  expect(alive).toHaveLength(2);
  expect(alive).toContain(neighbour?.id);
});

test("a waiver holds for the run whose environment has it, and for no other", async () => {
  await using scene = await openScene(fleets);
  await upWithConnection(scene);
  await scene.local.admin("POST", "/admin/faults", { endpoint: "copy", kind: "copy-fail", times: null });
  const waived = { resources: ["trainer-worker-0"], reason: "a machine of a test, nothing on it" };
  const env = { VAST_WAIVE_COPY_OUT: JSON.stringify(waived) };
  await ok(scene.stack, ["up", "--yes", "--skip-preview"], { env });
  const refused = await scene.stack.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.all).not.toMatch(/WAIVED/);
  expect(await living(scene)).toHaveLength(2);
  const partly = await scene.stack.pulumi(["destroy", "--yes", "--skip-preview"], { env });
  expect(partly.exitCode).not.toBe(0);
  expect(partly.all).toMatch(/WAIVED: trainer-worker-0.*a machine of a test/);
  expect((await living(scene)).map(({ label }) => label)).toEqual(["trainer-worker-1"]);
});
