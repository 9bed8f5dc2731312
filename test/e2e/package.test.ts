import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPackage, packTarball } from "../../tools/package.ts";
import { type Cloud, openCloud, openProject, type Project, type ProjectOptions, STACK, YES } from "./project.ts";

/** Each in the form that people install a package with it; yarn's Plug'n'Play has no node_modules, which Pulumi needs. */
const MANAGERS: Record<string, [command: string, ...args: string[]]> = {
  npm: ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"],
  pnpm: ["npx", "--yes", "pnpm@10.34.9", "add", "--prefer-offline"],
  yarn: ["npx", "--yes", "yarn@1.22.22", "add", "--prefer-offline", "--no-progress"],
};

let cloud: Cloud;
let released: string;
let program: string;
beforeAll(async () => {
  cloud = await openCloud();
  released = await packTarball(await buildPackage(join(cloud.dir, "released")));
  program = programOn(cloud);
});
afterAll(() => cloud[Symbol.asyncDispose]());

function programOn({ local, bucket, connection }: Cloud): string {
  const target = { connection, bucket, prefix: "runs", region: local.s3.region, endpoint: local.s3.url };
  const worker = {
    offer: { gpu: "RTX 4090", maxDph: 1 },
    image: "ubuntu:22.04",
    disk: 20,
    env: { VAST_SIM_WORKLOAD: "training" },
  };
  return `
const target = new CloudSyncTarget("results", ${JSON.stringify(target)});
const copyOut = { target: target.binding, paths: ["/workspace/checkpoints"] };
new VastInstance("trainer-0", { ...${JSON.stringify(worker)}, copyOut });
`;
}

const esm = () => `import { CloudSyncTarget, VastInstance } from "pulumi-vast";\n${program}`;
const commonJs = () => `const { CloudSyncTarget, VastInstance } = require("pulumi-vast");\n${program}`;

interface Worker {
  id: number;
  destroyedAt: number | null;
  filesAtDestroy: { path: string }[];
}
const workers = () => cloud.local.admin<Worker[]>("GET", "/admin/instances?all=1");

/** A checkpoint that only the disk has, until it is copied out. */
async function writeCheckpoint(): Promise<string> {
  const worker = (await workers()).find(({ destroyedAt }) => destroyedAt === null);
  const path = "/workspace/checkpoints/final.pt";
  await cloud.local.admin("POST", `/admin/instances/${worker?.id}/write`, { path, bytes: 10_000 });
  return `runs/${worker?.id}${path}`;
}

async function projectWith(manager: string, options: ProjectOptions, tarball = released): Promise<Project> {
  const project = openProject(cloud, { ...options, ownModules: true });
  await install(manager, project, tarball);
  return project;
}

async function install(manager: string, project: Project, tarball: string): Promise<void> {
  const [command, ...args] = MANAGERS[manager] ?? ["npm"];
  await execa(command, [...args, tarball, "@pulumi/pulumi@^3.270.0"], { cwd: project.folder, stdin: "ignore" });
}

/** A folder as on another machine: a program file that Pulumi.yaml can name, the packages, and the backend's state. */
function elsewhere(manager: string, name: string, tarball = released): Promise<Project> {
  const files = { "index.mjs": 'throw new Error("a destroy runs no program");' };
  const folder = `${name}-elsewhere`;
  return projectWith(manager, { folder, name, files, main: "index.mjs", config: "none" }, tarball);
}

describe.each(Object.keys(MANAGERS))("installed by %s", (manager) => {
  test("a program rents, and a folder with nothing but packages and state copies out and destroys", async () => {
    const project = await projectWith(manager, {
      folder: manager,
      name: manager,
      files: { "index.mjs": esm() },
      main: "index.mjs",
    });
    await project.ok(["stack", "init", STACK]);
    await project.ok(["up", ...YES]);
    const checkpoint = await writeCheckpoint();

    const other = await elsewhere(manager, manager);
    await other.ok(["stack", "select", STACK]);
    await other.ok(["config", "set", "vast:clockScale", cloud.config["vast:clockScale"] ?? ""]);
    const destroy = await other.pulumi(["destroy", ...YES], { VAST_URL: cloud.local.vastUrl });

    expect(destroy.exitCode, destroy.all).toBe(0);
    expect((await workers()).filter(({ destroyedAt }) => destroyedAt === null)).toEqual([]);
    expect(await cloud.keys()).toContain(checkpoint);
  });
});

test("after an upgrade of the package nothing is to do, and refresh and destroy work with its new code", async () => {
  const name = "upgraded";
  const project = await projectWith("npm", { folder: name, name, files: { "index.mjs": esm() }, main: "index.mjs" });
  await project.ok(["stack", "init", STACK]);
  await project.ok(["up", ...YES]);
  const checkpoint = await writeCheckpoint();

  const next = await buildPackage(join(cloud.dir, "next"), "0.999.0");
  appendFileSync(join(next, "handlers.js"), 'console.log("the code of 0.999.0 is at work");\n');
  const tarball = await packTarball(next);
  await install("npm", project, tarball);

  await project.ok(["preview", "--expect-no-changes"]);
  const refresh = await project.ok(["refresh", ...YES, "--expect-no-changes"]);
  expect(refresh.all).toContain("the code of 0.999.0 is at work");
  await project.ok(["destroy", ...YES]);
  expect(await cloud.keys()).toContain(checkpoint);
});

describe("a program that imports the installed package", () => {
  let project: Project;
  beforeAll(async () => {
    project = await projectWith("npm", { folder: "formats", files: {} });
    await project.ok(["stack", "init", STACK]);
  });

  const module = { type: "module" };
  const script = { type: "commonjs" };
  test.each<[what: string, main: string, options: Partial<ProjectOptions>, source: () => string]>([
    ["as an ES module", "index.mjs", { packageJson: module }, esm],
    ["as CommonJS", "index.cjs", { packageJson: script }, commonJs],
    ["as TypeScript whose types Node strips", "index.ts", { packageJson: module }, esm],
    [
      "as TypeScript that Pulumi compiles with its own ts-node",
      "program.ts",
      { packageJson: script, typescript: true },
      esm,
    ],
  ])("%s is previewed", async (_what, main, options, source) => {
    const again = openProject(cloud, {
      folder: "formats",
      files: { [main]: source() },
      main,
      ownModules: true,
      ...options,
    });
    const preview = await again.ok(["preview"]);
    expect(preview.all).toMatch(/vast:Instance trainer-0 create/);
  });
});
