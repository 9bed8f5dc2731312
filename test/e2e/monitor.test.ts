import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { REPOSITORY } from "../../tools/stack.ts";
import { type SimInstance, until } from "./harness.ts";
import { type Cloud, openCloud, openProject, type Project, STACK, YES } from "./project.ts";

const OUT = "/workspace/checkpoints";

const program = ({ bucket, connection, local }: Cloud) => `
import * as pulumi from "@pulumi/pulumi";
import { CloudSyncTarget, VastFleet } from "pulumi-vast";
const target = new CloudSyncTarget("results", {
  connection: ${JSON.stringify(connection)}, bucket: ${JSON.stringify(bucket)}, prefix: "runs",
  region: ${JSON.stringify(local.s3.region)}, endpoint: ${JSON.stringify(local.s3.url)},
});
const { trainer } = new pulumi.Config().requireObject("fleets");
new VastFleet("trainer", {
  workers: trainer.workers,
  profile: {
    offer: { gpu: ["RTX 3090", "RTX 4090"], ...trainer.with?.offer },
    image: "ubuntu:22.04", disk: 20, onOffline: "park", env: { VAST_SIM_WORKLOAD: "training" },
    copyOut: { target: target.binding, paths: ["${OUT}"] },
  },
});
`;

interface Machine extends SimInstance {
  machineId: number;
  actual: string;
}

function start(project: Project, args: string[]) {
  return execa(process.execPath, [join(REPOSITORY, "operator/main.ts"), ...args, "--stack", STACK], {
    cwd: project.folder,
    env: project.env,
    reject: false,
    stdin: "ignore",
  });
}

async function json<T>(project: Project, args: string[], exitCode = 0): Promise<T> {
  const result = await start(project, [...args, "--json"]);
  expect(result.exitCode, `${result.stderr}\n${result.stdout}`).toBe(exitCode);
  return JSON.parse(result.stdout) as T;
}

const all = ({ local }: Cloud) => local.admin<Machine[]>("GET", "/admin/instances?all=1");
async function worker(cloud: Cloud, label: string): Promise<Machine> {
  const own = (await all(cloud)).filter((instance) => instance.label === label && instance.destroyedAt === null);
  return own.toSorted((a, b) => b.id - a.id)[0] as Machine;
}

interface Kept {
  fleets: { repaired: { worker: string; what: string; sign: string }[]; settled: { contract: number }[] }[];
}

test("a fleet is kept alive and recovered through the stack, whatever happens to its machines", async () => {
  await using cloud = await openCloud();
  const { local } = cloud;
  const project = openProject(cloud, {
    folder: "fleet",
    files: { "index.ts": program(cloud) },
    config: { "program:fleets": { trainer: { workers: 2 } } } as never,
  });
  await project.ok(["stack", "init", STACK]);
  await project.ok(["up", ...YES]);

  // One process ends, another host has no CUDA.
  const [first, second] = [await worker(cloud, "trainer-worker-0"), await worker(cloud, "trainer-worker-1")];
  await local.admin("POST", `/admin/instances/${first.id}/crash`);
  await local.admin("POST", "/admin/workloads", { match: { label: "trainer-worker-1" }, model: "no-cuda" });
  await until(async () => (await worker(cloud, "trainer-worker-1")).actual === "exited");
  await local.admin("POST", "/admin/workloads", { match: { label: "trainer-worker-1" }, model: "training" });
  const kept = await json<Kept>(project, ["keepalive"]);
  expect(kept.fleets[0]?.repaired).toEqual([
    expect.objectContaining({ worker: "trainer-worker-0", what: "restart", sign: "crashed" }),
    expect.objectContaining({ worker: "trainer-worker-1", what: "replace", sign: "no-cuda" }),
  ]);
  expect((await worker(cloud, "trainer-worker-0")).id).toBe(first.id);
  const successor = await worker(cloud, "trainer-worker-1");
  expect(successor.machineId).not.toBe(second.machineId);
  const config = parse(readFileSync(join(project.folder, `Pulumi.${STACK}.yaml`), "utf8"));
  expect(config.config["program:fleets"].trainer.with.offer.excludeMachines).toEqual([second.machineId]);

  // A host is lost: its contract is parked, and settled once the host is back.
  await local.admin("POST", `/admin/machines/${first.machineId}/offline`);
  await until(async () => (await all(cloud)).some(({ id, actual }) => id === first.id && actual === "offline"));
  const triaged = await json<{
    workers: { worker: string; flag: string; sign: string }[];
    account: { credit: number };
  }>(project, ["triage"], 3);
  expect(triaged.workers.filter(({ flag }) => flag === "ALERT")).toEqual([
    expect.objectContaining({ worker: "trainer-worker-0", sign: "offline" }),
  ]);
  expect(triaged.account.credit).toBeGreaterThan(0);
  const parked = await json<Kept>(project, ["keepalive"]);
  expect(parked.fleets[0]?.repaired).toMatchObject([{ worker: "trainer-worker-0", what: "relocate", sign: "offline" }]);
  await local.admin("POST", `/admin/machines/${first.machineId}/online`);
  await until(async () => (await all(cloud)).some(({ id, actual }) => id === first.id && actual !== "offline"));
  const settled = await json<Kept>(project, ["keepalive"]);
  expect(settled.fleets[0]?.settled).toMatchObject([{ contract: first.id }]);
  expect((await all(cloud)).find(({ id }) => id === first.id)?.destroyedAt).not.toBeNull();

  // A person sees a GPU fail. On this clock the engine's seconds count many times over: recovered, but late.
  const asked = ["recover", "trainer-worker-1", "--type", "gpu", "--yes"];
  const recovered = await json<{ recovered: boolean; before: number; after: number }>(project, asked, 3);
  expect(recovered).toMatchObject({ recovered: true, before: successor.id });
  expect((await worker(cloud, "trainer-worker-1")).machineId).not.toBe(successor.machineId);

  // A monitor would find nothing to do, and its dry run does nothing.
  const before = (await all(cloud)).length;
  const dry = await json<{ workers: { repair: string }[]; repaired: [] }>(project, ["monitor", "2", "--dry-run"]);
  expect(dry).toMatchObject({ workers: [{ repair: "leave" }, { repair: "leave" }], repaired: [] });
  expect(await all(cloud)).toHaveLength(before);
});
