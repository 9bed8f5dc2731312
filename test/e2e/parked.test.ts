import { expect, test } from "vitest";
import { instances, living, ok, openScene, storedKeys, until, upWithConnection } from "./harness.ts";

const fleets = { trainer: { profile: "self-play", workers: 1, with: { onOffline: "park" } } };

test("a plain up parks a worker whose host is offline and rents another; a destroy waits for the host instead", async () => {
  await using scene = await openScene(fleets);
  await upWithConnection(scene);
  const [lost] = (await living(scene)) as unknown as { id: number; machineId: number }[];
  await scene.local.admin("POST", `/admin/machines/${lost?.machineId}/offline`);
  await until(async () =>
    (await instances(scene)).some((row) => row.id === lost?.id && (row as { actual?: string }).actual === "offline"),
  );

  const refused = await scene.stack.pulumi(["destroy", "--yes", "--skip-preview"]);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.all).toMatch(/its host is offline/);

  const preview = await ok(scene.stack, ["preview"]);
  expect(preview.all).toMatch(/is offline; it bills nothing meanwhile\. It is parked.*→ `up` replaces it/);
  const up = await ok(scene.stack, ["up", "--yes", "--skip-preview"]);
  if (process.env.SHOW) console.log(preview.all, up.all);
  expect(up.all).toMatch(/PARKED: trainer-worker-0: .*NOT destroyed/);
  expect(await storedKeys(scene)).toContain(`results/trainer/.pulumi-vast/parked/${lost?.id}.json`);
  const alive = await living(scene);
  expect(alive).toHaveLength(2);

  await ok(scene.stack, ["preview", "--expect-no-changes"]);
  await ok(scene.stack, ["destroy", "--yes", "--skip-preview"]);
  // The successor is gone, what is parked waits for its host.
  expect((await living(scene)).map(({ id }) => id)).toEqual([lost?.id]);
});
