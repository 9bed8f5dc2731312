import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { callVast, type SimInstance } from "./harness.ts";
import { type FleetProject, openFleetProject } from "./operator-project.ts";
import { type Cloud, openCloud, STACK } from "./project.ts";

const living = ({ local }: Cloud) => local.admin<SimInstance[]>("GET", "/admin/instances");
const labels = async (cloud: Cloud) => (await living(cloud)).map(({ label }) => label).toSorted();

async function run(project: FleetProject, args: string[], expected: number) {
  const result = await project.vastFleet([...args, "--json"]);
  expect(result.exitCode, `${args.join(" ")}\n${result.stdout}\n${result.stderr}`).toBe(expected);
  return JSON.parse(result.stdout || "null");
}

/** Not the 4090, which the profile takes too. */
const GPUS = ["RTX_3060", "RTX_3070", "RTX_3080", "RTX_3090"];

const workersOf = (project: FleetProject) => {
  const { config } = parse(readFileSync(join(project.folder, `Pulumi.${STACK}.yaml`), "utf8"));
  return Object.fromEntries(
    Object.entries<{ workers: number }>(config["shop:fleets"]).map(([name, { workers }]) => [name, workers]),
  );
};

test("two fleets side by side are planned, brought up, scaled, repaired, looked into and taken down, each alone", async () => {
  await using cloud = await openCloud();
  const project = await openFleetProject(cloud, {
    zeb: { profile: "self-play", workers: 0, with: { maxDurationHours: 72 } },
    "zeb-large": { profile: "self-play", workers: 0 },
  });

  const planned = await run(project, ["plan", "zeb=2"], 0);
  expect(planned).toMatchObject({
    dphNow: 0,
    fleets: [{ fleet: "zeb", workers: 2, toRent: 2, unplaced: 0 }, { fleet: "zeb-large" }],
  });
  expect(planned.dphAfter).toBeGreaterThan(0);
  expect(await living(cloud)).toEqual([]);
  expect(workersOf(project)).toEqual({ zeb: 0, "zeb-large": 0 });

  // Of several fleets one has to be named, and nobody can be asked here.
  expect((await project.vastFleet(["up", "2"])).stderr).toMatch(/say which fleet: this stack has zeb, zeb-large/);
  const unasked = await project.vastFleet(["up", "2", "--fleet", "zeb"]);
  expect(unasked.stderr).toMatch(/\+ create Instance zeb-worker-0[\s\S]*say --yes/);
  expect(unasked.exitCode).toBe(2);
  expect(workersOf(project).zeb).toBe(0);

  const up = await run(project, ["up", "2", "--fleet", "zeb", "--gpu", ...GPUS, "--yes"], 0);
  expect(up.fleets).toMatchObject([{ fleet: "zeb", wanted: 2, running: 2, notRunning: 0 }]);
  expect(await labels(cloud)).toEqual(["zeb-worker-0", "zeb-worker-1"]);
  const { instances: rented } = await run(project, ["status", "zeb"], 0);
  for (const { gpu } of rented) expect(gpu).toMatch(/^1x RTX 30[6-9]0$/);
  expect((await project.vastFleet(["up", "1", "--fleet", "zeb"])).stderr).toMatch(/vast-fleet scale zeb=1/);

  // Another fleet's trouble is left alone.
  const [first, second] = await living(cloud);
  if (!first || !second) throw new Error("two workers were expected");
  await callVast({ local: cloud.local } as never, "PUT", `/api/v0/instances/${first.id}/`, { state: "stopped" });
  await run(project, ["scale", "zeb-large=2", "--yes"], 0);
  const stopped = await run(project, ["status", "zeb"], 0);
  expect(stopped.instances.find(({ contract }: { contract: number }) => contract === first.id).status).toMatch(/stop/);
  const restarted = await run(project, ["restart-stopped", "zeb", "--yes"], 0);
  expect(restarted.fleets).toMatchObject([{ fleet: "zeb", running: 2 }]);
  expect((await living(cloud)).map(({ id }) => id)).toEqual(expect.arrayContaining([first.id, second.id]));

  await callVast({ local: cloud.local } as never, "DELETE", `/api/v0/instances/${second.id}/`);
  const replenished = await run(project, ["replenish", "2", "zeb", "--yes"], 0);
  expect(replenished.fleets).toMatchObject([{ fleet: "zeb", wanted: 2, running: 2 }]);

  expect(await run(project, ["reap"], 0)).toMatchObject({ steps: [] });
  await run(project, ["down", "zeb-large-worker-0", "--force"], 0);
  expect(await labels(cloud)).toEqual(["zeb-large-worker-1", "zeb-worker-0", "zeb-worker-1"]);
  await cloud.local.admin("POST", "/admin/clock", { step: 13 * 3600 });
  await run(project, ["reap", "--yes"], 0);
  expect(await labels(cloud)).toEqual(["zeb-worker-0", "zeb-worker-1"]);
  expect(workersOf(project)).toEqual({ zeb: 2, "zeb-large": 0 });
  await run(project, ["down", "--yes"], 0);
  expect(await living(cloud)).toEqual([]);
  expect((await cloud.keys()).filter((key) => key.includes(`/${first.id}/`) && key.endsWith(".pt"))).not.toEqual([]);

  const lines = readFileSync(join(project.folder, `.vast-fleet/${STACK}.jsonl`), "utf8")
    .trimEnd()
    .split("\n");
  const actions = lines.map((line) => JSON.parse(line) as { what: string; why: string; outcome: string });
  expect(actions.map(({ what }) => what)).toEqual([
    "up",
    "scale",
    "restart-stopped",
    "replenish",
    "down",
    "reap",
    "down",
  ]);
  expect(actions.every(({ outcome }) => outcome === "ok")).toBe(true);
  expect(actions[3]?.why).toMatch(new RegExp(`${second.label} is (gone|missing)`));
});
