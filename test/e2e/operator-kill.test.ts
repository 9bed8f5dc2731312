import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sshKey } from "../support/ssh-key.ts";
import { type SimInstance, until } from "./harness.ts";
import { type FleetProject, openFleetProject } from "./operator-project.ts";
import { type Cloud, openCloud, STACK } from "./project.ts";

const living = ({ local }: Cloud) => local.admin<SimInstance[]>("GET", "/admin/instances");

async function run(project: FleetProject, args: string[], expected: number) {
  const result = await project.vastFleet([...args, "--json"]);
  expect(result.exitCode, `${args.join(" ")}\n${result.stdout}\n${result.stderr}`).toBe(expected);
  return JSON.parse(result.stdout || "null");
}

test("workers are looked into and copied from while they run, then killed by prefix and through the gate, and nothing is left", async () => {
  await using cloud = await openCloud();
  const key = sshKey();
  const fleet = { profile: "self-play", with: { sshKeys: [key.publicKey] } };
  const project = await openFleetProject(cloud, {
    zeb: { ...fleet, workers: 2 },
    "zeb-large": { ...fleet, workers: 1 },
  });
  await run(project, ["up", "--yes"], 0);
  const [worker] = (await living(cloud)).filter(({ label }) => label === "zeb-worker-0");
  if (!worker) throw new Error("zeb-worker-0 was expected");

  const shell = await project.vastFleet(["ssh", "zeb-worker-0", "--", "nvidia-smi"], { VAST_SSH_KEY: key.file });
  expect(shell.stdout, shell.stderr).toMatch(/NVIDIA-SMI/);
  expect(shell.exitCode).toBe(0);
  const printed = await project.vastFleet(["ssh", String(worker.id), "--print", "--proxy"]);
  expect(printed.stdout).toMatch(new RegExp(`^ssh -p \\d+ -o HostKeyAlias=vast-${worker.id} .*root@`));
  expect((await project.vastFleet(["ssh", "zeb-worker-9"])).stderr).toMatch(/no worker .*"zeb-worker-9"; it has zeb-/);

  await until(async () => {
    const { lines } = await run(project, ["logs", "zeb-worker-0", "--tail", "20"], 0);
    return lines.length > 0 && lines;
  });
  const daemon = await run(project, ["logs", String(worker.id), "--daemon"], 0);
  expect(daemon).toMatchObject({ contract: worker.id, label: "zeb-worker-0" });

  const { copied } = await run(project, ["copy-out", "zeb"], 0);
  expect(copied.map(({ label }: { label: string }) => label).toSorted()).toEqual(["zeb-worker-0", "zeb-worker-1"]);
  expect((await living(cloud)).map(({ id }) => id)).toContain(worker.id);

  const { settings } = await run(project, ["config"], 0);
  expect(settings).toContainEqual(expect.objectContaining({ name: "API endpoint", source: "vast:apiUrl" }));
  expect(JSON.stringify(settings)).not.toContain(cloud.local.vastApiKey);

  // Nobody's whole account goes without its name.
  const wrong = await project.vastFleet(["kill", "--account", "somebody@example.com", "--yes"]);
  expect(wrong.stderr).toMatch(/not the name of this key's account; nothing was destroyed/);
  expect(wrong.exitCode).toBe(2);
  expect((await project.vastFleet(["kill"])).stderr).toMatch(/NOTHING IS COPIED OUT[\s\S]*say --yes/);
  expect(await living(cloud)).toHaveLength(3);

  const killed = await run(project, ["kill", "zeb-large", "--yes"], 0);
  expect(killed).toMatchObject({ destroyed: [expect.any(Number)], left: [], errors: [] });
  expect(killed.stillBilling).toHaveLength(2);
  expect((await living(cloud)).map(({ label }) => label).toSorted()).toEqual(["zeb-worker-0", "zeb-worker-1"]);
  const config = () => readFileSync(join(project.folder, `Pulumi.${STACK}.yaml`), "utf8");
  expect(config()).toMatch(/zeb-large:[\s\S]*workers: 0/);

  // A single worker stays dead as well: the next up has nothing to do.
  const single = await run(project, ["kill", "zeb-worker-1", "--yes"], 0);
  expect(single).toMatchObject({ labels: ["zeb-worker-1"], config: [{ fleet: "zeb", path: ["workers"], value: 1 }] });
  const planned = await run(project, ["plan"], 0);
  expect(planned.fleets).toMatchObject([
    { fleet: "zeb", workers: 1, toRent: 0 },
    { fleet: "zeb-large", workers: 0 },
  ]);

  const saved = await run(project, ["kill", "--copy-out", "--yes"], 0);
  expect(saved).toMatchObject({ left: [], errors: [], stillBilling: [] });
  expect(await living(cloud)).toEqual([]);
  expect((await cloud.keys()).some((name) => name.includes(`/${worker.id}/`) && name.endsWith(".pt"))).toBe(true);
  // State and account agree: nothing is missing, nothing lost.
  expect(await run(project, ["reconcile"], 0)).toMatchObject({ orphans: [], missing: [] });
  key.remove();
});
