import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cloud, openCloud, openProject, type Project, YES } from "./project.ts";

const program = `
import * as pulumi from "@pulumi/pulumi";
import {
  getAccount, getConnections, getInstancesOutput, getOffers, getOffersOutput, getVolumes, VastInstance,
} from "pulumi-vast";

const disk = 20;
const offer = { gpu: "RTX 4090", maxDph: 1 };
const offers = await getOffers({ ...offer, disk });
const [cheapest] = offers;
if (!cheapest) throw new pulumi.RunError("no RTX 4090 for at most $1/h");
const machines = offers.map(({ machineId }) => machineId);

const trainer = new VastInstance("trainer-0", {
  offer: { ...offer, maxDph: cheapest.dph },
  image: "ubuntu:22.04",
  disk,
  copyOut: { waive: "nothing is written by this test" },
});

export const price = cheapest.dph;
export const rented = { dph: trainer.dph, among: trainer.machineId.apply((id) => machines.includes(id)) };
export const affordable = getOffersOutput({ ...offer, maxDph: trainer.dph, disk }).apply((found) => found.length > 0);
export const neighbours = getInstancesOutput({ prefix: trainer.label }).apply((all) => all.map(({ label }) => label));
export const volumes = await getVolumes();
export const connections = await getConnections();
export const credit = (await getAccount()).credit;
`;

let cloud: Cloud;
let project: Project;
beforeAll(async () => {
  cloud = await openCloud();
  project = openProject(cloud, { folder: "questions", files: { "index.ts": program } });
  await project.ok(["stack", "init", "dev"]);
});
afterAll(() => cloud[Symbol.asyncDispose]());

test("a program asks for offers, instances, volumes, connections and credit, and rents by the answers", async () => {
  await project.ok(["preview"]);
  await project.ok(["up", ...YES]);
  const outputs = JSON.parse((await project.ok(["stack", "output", "--json"])).stdout);
  expect(outputs).toMatchObject({
    rented: { dph: outputs.price, among: true },
    affordable: true,
    neighbours: ["trainer-0"],
    volumes: [],
    connections: [{ name: cloud.connection, type: "s3" }],
    credit: expect.any(Number),
  });
});

test("a key from the stack's encrypted config is used, and stays out of state and output", async () => {
  await project.ok(["config", "set", "--secret", "vast:apiKey", cloud.local.vastApiKey]);
  const preview = await project.pulumi(["preview"], { VAST_API_KEY: "" });
  expect(preview.exitCode, preview.all).toBe(0);
  expect(preview.all).not.toContain(cloud.local.vastApiKey);
  expect(JSON.stringify(await project.exportState())).not.toContain(cloud.local.vastApiKey);
  await project.ok(["config", "rm", "vast:apiKey"]);
});

test("without a key the program stops with the config key to set", async () => {
  const preview = await project.pulumi(["preview"], { VAST_API_KEY: "" });
  expect(preview.exitCode).not.toBe(0);
  expect(preview.all).toMatch(/getOffers: no Vast\.ai API key is set\n.*pulumi config set --secret vast:apiKey/);
  expect(preview.all).not.toMatch(/at async|node:internal/);
});

test("a question that cannot be understood names the criterion and the nearest that can", async () => {
  project.write(
    "index.ts",
    `import { getOffers } from "pulumi-vast";\nawait getOffers({ gpu: "RTX 4091", dissk: 5 });`,
  );
  const preview = await project.pulumi(["preview"]);
  expect(preview.exitCode).not.toBe(0);
  expect(preview.all).toMatch(/getOffers: dissk is not a property.*"RTX 4091" is no GPU.*did you mean RTX 4090/s);
  project.write("index.ts", program);
});

test("destroy asks nothing of the program and leaves no instance", async () => {
  await project.ok(["destroy", ...YES]);
  expect(await cloud.local.admin("GET", "/admin/instances")).toEqual([]);
});
