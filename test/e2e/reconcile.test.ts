import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { REPOSITORY } from "../../tools/stack.ts";
import { callVast, REQUESTS_OF_RENTALS, type SimInstance, until } from "./harness.ts";
import { type Cloud, openCloud, openProject, type Project, STACK, YES } from "./project.ts";

const OUT = "/workspace/out";

/** A target and, as long as it is wanted, a worker. */
const program = ({ bucket, connection, local }: Cloud, workers: string[]) => `
import { CloudSyncTarget, VastInstance } from "pulumi-vast";
const target = new CloudSyncTarget("results", {
  connection: ${JSON.stringify(connection)}, bucket: ${JSON.stringify(bucket)}, prefix: "runs",
  region: ${JSON.stringify(local.s3.region)}, endpoint: ${JSON.stringify(local.s3.url)},
});
for (const name of ${JSON.stringify(workers)})
  new VastInstance(name, {
    offer: { gpu: "RTX 4090" }, image: "ubuntu:22.04", disk: 20,
    copyOut: { target: target.binding, paths: ["${OUT}"] },
  });
`;

async function vastFleet(project: Project, args: string[]) {
  return execa(process.execPath, [join(REPOSITORY, "operator/main.ts"), ...args, "--stack", STACK], {
    cwd: project.folder,
    env: project.env,
    reject: false,
    stdin: "ignore",
  });
}

async function found(project: Project, args: string[] = []): Promise<{ exitCode: number | undefined; result: Result }> {
  const { exitCode, stdout, stderr } = await vastFleet(project, ["reconcile", "--json", ...args]);
  expect(stdout, stderr).toMatch(/^\{/);
  return { exitCode, result: JSON.parse(stdout) as Result };
}

interface Result {
  orphans: { contract: number; settledBy: string; mayHaveRun: boolean; label: string }[];
  missing: { urn: string }[];
  failed: { message: string }[];
}

const living = ({ local }: Cloud) => local.admin<SimInstance[]>("GET", "/admin/instances");

/** `pulumi up`, killed as soon as the service has accepted a rental. */
async function upKilledAfterRental({ local }: Cloud, project: Project): Promise<void> {
  const engine = execa("pulumi", ["up", ...YES, "--non-interactive"], {
    cwd: project.folder,
    env: project.env,
    reject: false,
    detached: true,
    stdin: "ignore",
  });
  await until(async () => {
    const requests = await local.admin<{ route: string; status: number }[]>("GET", "/admin/requests");
    return requests.some(({ route, status }) => route === REQUESTS_OF_RENTALS && status === 200);
  });
  engine.kill("SIGKILL");
  await engine;
}

test("a contract rented by an engine that was killed, whose resource then left the program, is found, copied out and destroyed", async () => {
  await using cloud = await openCloud();
  const project = openProject(cloud, { folder: "fleet", files: { "index.ts": program(cloud, []) } });
  await project.ok(["stack", "init", STACK]);
  await project.ok(["up", ...YES]);
  project.write("index.ts", program(cloud, ["trainer-0"]));
  await upKilledAfterRental(cloud, project);
  const [lost] = await living(cloud);
  if (!lost) throw new Error("nothing was rented");
  await until(async () => (await living(cloud)).find(({ id }) => id === lost.id)?.everRan);
  await cloud.local.admin("POST", `/admin/instances/${lost.id}/write`, { path: `${OUT}/model.pt`, text: "weights" });

  // As it stands, an up may still be under way.
  expect((await found(project)).result.orphans).toMatchObject([{ contract: lost.id, settledBy: "unfinished" }]);
  // In the program it is left to `up`, out of it to nobody.
  project.write("index.ts", program(cloud, []));
  const unasked = await vastFleet(project, ["reconcile", "--destroy"]);
  expect(unasked.exitCode).toBe(2);
  expect(unasked.stderr).toMatch(/say --yes/);
  expect(await living(cloud)).toHaveLength(1);

  // The killed engine's lock, of a process that is no more, holds nobody up.
  const { exitCode, result } = await found(project, ["--destroy", "--yes"]);
  expect(result).toMatchObject({ orphans: [], missing: [], failed: [] });
  expect(exitCode).toBe(0);
  expect(await living(cloud)).toEqual([]);
  expect(await cloud.keys()).toContain(`runs/${lost.id}${OUT}/model.pt`);
  await project.ok(["destroy", ...YES]);
});

test("a lost contract whose resource is in the program is adopted, and a state entry without a contract is dropped", async () => {
  await using cloud = await openCloud();
  const project = openProject(cloud, {
    folder: "fleet",
    files: { "index.ts": program(cloud, ["trainer-0", "trainer-1"]) },
  });
  await project.ok(["stack", "init", STACK]);
  await project.ok(["up", ...YES]);
  const [first, second] = await living(cloud);
  if (!first || !second) throw new Error("two contracts were expected");
  const { deployment } = await project.exportState();
  const lost = deployment.resources?.find(({ id }) => id === String(first.id));
  await project.ok(["state", "delete", "--yes", String(lost?.urn)]);
  await callVast({ local: cloud.local } as never, "DELETE", `/api/v0/instances/${second.id}/`);

  const before = await found(project);
  expect(before.exitCode).toBe(3);
  expect(before.result).toMatchObject({
    orphans: [{ contract: first.id, settledBy: "up" }],
    missing: [{ urn: expect.stringContaining(second.label) }],
  });

  const shown = await vastFleet(project, ["status"]);
  expect(shown.exitCode).toBe(3);
  expect(shown.stdout).toMatch(new RegExp(`${first.label} .*running, lost.*${first.id}[\\s\\S]*Total: .*/month`));
  expect(shown.stdout).not.toContain("\x1b");

  const { exitCode, result } = await found(project, ["--adopt", "--yes"]);
  expect(result).toMatchObject({ orphans: [], missing: [], failed: [] });
  expect(exitCode).toBe(0);
  expect((await living(cloud)).map(({ id }) => id)).toEqual([first.id]);
  const after = await project.exportState();
  expect(after.deployment.resources?.map(({ id }) => id)).toContain(String(first.id));

  await project.ok(["stack", "init", "another"]);
  const status = await vastFleet(project, ["status", first.label, "--json"]);
  expect(status.exitCode).toBe(0);
  expect(JSON.parse(status.stdout)).toMatchObject({
    instances: [{ contract: first.id, label: first.label, status: "running", note: "" }],
    total: { dph: expect.any(Number), stoppedPerMonth: 0 },
  });
  expect(JSON.parse((await vastFleet(project, ["status", "somebody-elses", "--json"])).stdout).instances).toEqual([]);

  // A look at one stack leaves another one selected.
  const stacks = JSON.parse((await project.ok(["stack", "ls", "--json"])).stdout) as {
    name: string;
    current: boolean;
  }[];
  expect(stacks.find(({ current }) => current)?.name).toBe("another");
  await project.ok(["stack", "select", STACK]);

  await project.ok(["destroy", ...YES]);
});
