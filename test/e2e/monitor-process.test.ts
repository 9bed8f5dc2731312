import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { REPOSITORY } from "../../tools/stack.ts";
import { rentals, type SimInstance, until } from "./harness.ts";
import { type FleetProject, openFleetProject } from "./operator-project.ts";
import { type Cloud, openCloud, STACK } from "./project.ts";

const OUT = "/workspace/checkpoints";
const CTRL_C = "\x03";
const MONITOR = ["monitor", "2", "trainer", "--json", "--tear-down", "--stack", STACK];

/** A `vast-fleet monitor`, what it has said so far, and a wait for something of it. */
function start(project: FleetProject, command: string, args: string[]) {
  const process = execa(command, args, { cwd: project.folder, env: project.env, reject: false, all: true });
  let said = "";
  let hasEnded = false;
  void process.then(() => {
    hasEnded = true;
  });
  process.all.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const says = (what: RegExp) =>
    until(async () => {
      if (!what.test(said) && hasEnded) throw new Error(`it ended without saying ${what}:\n${said}`);
      return what.test(said);
    });
  return { process, says, said: () => said };
}

const monitor = (project: FleetProject) =>
  start(project, globalThis.process.execPath, [join(REPOSITORY, "operator/main.ts"), ...MONITOR]);

/**
 * In a terminal, which sends Ctrl-C to all processes in it. `exec`: a shell in between, where it stays (dash), ends by that
 * Ctrl-C itself, and its 130 hides the monitor's exit code.
 */
function monitorInTerminal(project: FleetProject) {
  const words = ["exec", globalThis.process.execPath, join(REPOSITORY, "operator/main.ts"), ...MONITOR].join(" ");
  const args =
    globalThis.process.platform === "darwin" ? ["-q", "/dev/null", "sh", "-c", words] : ["-qec", words, "/dev/null"];
  return start(project, "script", args);
}

const all = ({ local }: Cloud) => local.admin<SimInstance[]>("GET", "/admin/instances?all=1");
const volumes = ({ local }: Cloud) => local.admin<object[]>("GET", "/admin/volumes");
const living = async (cloud: Cloud) => (await all(cloud)).filter(({ destroyedAt }) => destroyedAt === null);

test("a monitor that is killed while it rents goes on where it was, admits no second one, and takes its fleet down on Ctrl-C, volumes and all", async () => {
  await using cloud = await openCloud();
  const project = await openFleetProject(cloud, {
    trainer: { profile: "self-play", workers: 0, volume: { size: 10, mountPath: "/data" } },
  });

  // Killed in the middle of its first update, with one machine rented.
  const killed = monitor(project);
  await until(async () => (await living(cloud)).length > 0);
  killed.process.kill("SIGKILL");
  await killed.process;

  // Started again, as a service manager would, at once.
  const watching = monitorInTerminal(project);
  await watching.says(/"workers":\[\{.*"repaired":\[\]/);
  const fleet = await living(cloud);
  expect(fleet.map(({ label }) => label).toSorted()).toEqual(["trainer-worker-0", "trainer-worker-1"]);
  expect(await rentals(cloud.local)).toHaveLength(2);
  const another = await project.vastFleet(["monitor", "2", "trainer"]);
  expect(another.stderr).toMatch(/watched already/);
  expect(another.exitCode).toBe(1);

  // Once to begin the teardown, once more while it is under way: what has begun is ended, and nothing is lost.
  watching.process.stdin.write(CTRL_C);
  await watching.says(/Taking fleet trainer down/);
  await watching.says(/copying/);
  watching.process.stdin.write(CTRL_C);
  await watching.says(/what has begun is ended/);
  const interrupted = await watching.process;
  const left = [...(await living(cloud)), ...(await volumes(cloud))];
  const said = `${watching.said()}\n${interrupted.shortMessage}`;
  expect(interrupted.exitCode, said).toBe(left.length === 0 ? 0 : 3);
  expect(/Fleet trainer is down/.test(watching.said()), said).toBe(left.length === 0);

  // Whatever is left goes on as any other teardown.
  const down = await project.vastFleet(["down", "trainer", "--yes"]);
  expect(down.exitCode, down.stderr).toBe(0);
  expect(await living(cloud)).toEqual([]);
  expect(await volumes(cloud)).toEqual([]);
  const keys = await cloud.keys();
  for (const { id, everRan, filesAtDestroy } of await all(cloud)) {
    if (!everRan) continue;
    for (const { path } of filesAtDestroy.filter((file) => file.path.startsWith(`${OUT}/`)))
      expect(keys).toContain(`runs/trainer/${id}${path}`);
  }
});
