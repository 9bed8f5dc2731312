import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cloud, openCloud, openProject, type Project, YES } from "./project.ts";

const PAGES = join(import.meta.dirname, "../../docs/resources");
const examples = readdirSync(PAGES).flatMap((page) => {
  const [, program] = /^```ts\n([\s\S]+?)^```$/m.exec(readFileSync(join(PAGES, page), "utf8")) ?? [];
  return program === undefined ? [] : [{ page, program }];
});

let cloud: Cloud;
let project: Project;
beforeAll(async () => {
  cloud = await openCloud();
  project = openProject(cloud, { folder: "examples", files: {} });
  await project.ok(["stack", "init", "dev"]);
});
afterAll(() => cloud[Symbol.asyncDispose]());

/** As printed, but with the store of this machine instead of AWS. */
function onThisMachine(program: string): string {
  return program.replaceAll('region: "us-east-1"', `$&, endpoint: ${JSON.stringify(cloud.local.s3.url)}`);
}

test("every resource's page and that of the data sources has an example", () => {
  const expected = ["cloud-sync-target.md", "data-sources.md", "vast-fleet.md", "vast-instance.md", "vast-volume.md"];
  expect(examples.map(({ page }) => page)).toEqual(expected);
});

test.each(examples)("the example of $page is a program that a preview accepts", async ({ program }) => {
  project.write("index.ts", onThisMachine(program));
  const preview = await project.ok(["preview"]);
  expect(preview.all).toMatch(/to create/);
});

test("a preview of the fleet says what the market asks for it now, for a worker of another kind apart", async () => {
  const example = examples.find(({ page }) => page === "vast-fleet.md");
  project.write("index.ts", onThisMachine(example?.program ?? ""));
  const preview = await project.ok(["preview"]);
  const others = "trainer-worker-0, trainer-worker-1, trainer-worker-3";
  expect(preview.all).toMatch(
    new RegExp(`${others}: \\d+ machines? match(?:es)? now; best: 1x RTX 4090 at \\$0\\.\\d+/h`),
  );
  expect(preview.all).toMatch(/trainer-worker-2: \d+ machines? (?:would )?match(?:es)? now/);
  expect(preview.all).toMatch(
    /The fleet of 4 workers, 4 to rent: \$\d+\.\d+\/h, \$\d+\.\d+ a day, \$[\d,]+\.\d+ a month, all-in/,
  );
});

test("the example of vast-instance.md rents one machine, and a destroy copies out and leaves none", async () => {
  const example = examples.find(({ page }) => page === "vast-instance.md");
  project.write("index.ts", onThisMachine(example?.program ?? ""));
  await project.ok(["up", ...YES]);
  const outputs = JSON.parse((await project.ok(["stack", "output", "--json"])).stdout);
  expect(outputs).toMatchObject({ ssh: expect.stringMatching(/^ssh -p \d+ root@/), usdPerHour: expect.any(Number) });
  expect(await cloud.local.admin("GET", "/admin/instances")).toHaveLength(1);
  await project.ok(["destroy", ...YES]);
  expect(await cloud.local.admin("GET", "/admin/instances")).toEqual([]);
});
