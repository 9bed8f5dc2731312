import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import {
  API_KEY,
  type Inputs,
  type Storage,
  startStorage,
  startWorld,
  type VastWorld,
} from "../../support/vast-world.ts";

interface GoldenState {
  type: string;
  inputs: Inputs;
  outputs: Inputs;
}

interface Door {
  configure(request: { config: { get(key: string): string | undefined } }): Promise<void>;
  check(olds: Inputs, news: Inputs): Promise<{ inputs: Inputs; failures: unknown[] }>;
  create(inputs: Inputs): Promise<{ id: string; outs: Inputs }>;
  read(id: string, props: Inputs): Promise<{ id?: string; props?: Inputs }>;
  diff(id: string, olds: Inputs, news: Inputs): Promise<{ changes: boolean; replaces?: string[] }>;
  update(id: string, olds: Inputs, news: Inputs): Promise<{ outs: Inputs }>;
  delete(id: string, props: Inputs): Promise<void>;
}

const STATES = join(import.meta.dirname, "../../fixtures/states");
/** What differs from one world to the next, and not from one release to the next. */
const OF_THE_WORLD = [
  ...[
    "contractId",
    "machineId",
    "hostId",
    "volumeId",
    "offerId",
    "home",
    "binding",
    "connection",
    "endpoint",
    "bucket",
  ],
  ...["startDate", "endDate", "sshCommand", "sshProxyCommand", "portMap", "dph", "dphCompute", "dphStorage"],
];

const goldens = readdirSync(STATES).flatMap((release) =>
  readdirSync(join(STATES, release)).map((file) => ({
    release,
    resource: file.replace(/\.json$/, ""),
    golden: JSON.parse(readFileSync(join(STATES, release, file), "utf8")) as GoldenState,
  })),
);

let world: VastWorld;
let storage: Storage;
let binding: Binding;
beforeAll(async () => {
  world = await startWorld();
  storage = await startStorage();
  binding = await storage.connect(world);
});
afterAll(async () => {
  await storage.stop();
  await world[Symbol.asyncDispose]();
});

/** As the engine's host does it: from the line that the state records. */
async function openDoor(recorded: string): Promise<Door> {
  const loaded: { handler?: () => Door } = {};
  new Function("exports", "require", recorded)(loaded, createRequire(import.meta.url));
  const door = loaded.handler?.() as Door;
  const settings: Record<string, string> = {
    "vast:apiUrl": world.url,
    "vast:apiKey": API_KEY,
    "vast:clockScale": String(world.speed),
  };
  await door.configure({ config: { get: (key) => settings[key] } });
  return door;
}

/** The recorded value with what belongs to the world taken from this one. */
function moved(recorded: Inputs, here: Inputs): Inputs {
  const values = Object.entries(recorded).map(([key, value]) => {
    if (OF_THE_WORLD.includes(key)) return [key, here[key] ?? value];
    if (key === "copyOut" && (value as Inputs).target) return [key, { ...(value as Inputs), target: binding }];
    return [key, value];
  });
  return Object.fromEntries(values);
}

const programOf = (golden: GoldenState): Inputs => {
  const { connectionId: connection, ...where } = binding;
  return moved(golden.inputs, { connection, ...where });
};

describe.each(goldens)("a state of release $release with $resource", ({ golden }) => {
  test("is refreshed, updated and destroyed by today's code", async () => {
    const door = await openDoor(String(golden.outputs.__provider));
    const program = programOf(golden);
    const { id, outs } = await door.create((await door.check({}, program)).inputs);
    const state = moved(golden.outputs, outs);

    const read = await door.read(id, state);
    expect(read.id).toBe(id);
    const { inputs, failures } = await door.check(program, program);
    expect(failures).toEqual([]);
    // Inputs that came later have their defaults in today's program and are missing in the state: no change either.
    expect(await door.diff(id, read.props ?? {}, inputs)).toMatchObject({ changes: false, replaces: [] });

    const renamed = { ...inputs, ...("label" in inputs ? { label: "renamed" } : {}) };
    const { outs: updated } = await door.update(id, state, renamed);
    expect(updated).toMatchObject("label" in inputs ? { label: "renamed" } : { mark: golden.inputs.mark });

    await door.delete(id, { ...updated, __provider: golden.outputs.__provider });
    const contracts = (await world.instances()).map((contract) => String(contract.id));
    const volumes = (await world.volumes()).map((volume) => String(volume.id));
    expect([...contracts, ...volumes]).not.toContain(id);
  });
});

test("there is a state for each type of resource in the first release", () => {
  const types = new Set(goldens.filter(({ release }) => release === "0.1.0").map(({ golden }) => golden.type));
  expect([...types].sort()).toEqual(
    ["CloudSyncTarget", "Instance", "Volume"].map((type) => `pulumi-nodejs:dynamic/vast:${type}`),
  );
});
