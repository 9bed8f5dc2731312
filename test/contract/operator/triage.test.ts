import { expect, test, vi } from "vitest";
import type { OperatorClock } from "../../../operator/clock.ts";
import { readFleets } from "../../../operator/fleet/read.ts";
import type { Session } from "../../../operator/session.ts";
import { readWatchSettings } from "../../../operator/watch/settings.ts";
import { lookAtAll, WITHIN_S } from "../../../operator/watch/triage.ts";
import { vitalsOf } from "../../../operator/watch/vitals.ts";
import type { Context } from "../../../provider/context.ts";
import { drawsOf } from "../../bench/draws.ts";
import { Life } from "../../faults/life.ts";
import { startProcess } from "../../faults/provider-process.ts";
import { openWorld, type RunWorld } from "../../faults/run-world.ts";
import { stackHolding } from "../../support/held-stack.ts";
import { sshKey } from "../../support/ssh-key.ts";
import { create, type Held, startStorage, startWorld, worker } from "../../support/vast-world.ts";

const SETTINGS = readWatchSettings('{"heartbeat": {"maxAge": 120}}');

async function look(context: Context, held: readonly Held[]) {
  const clock = { nowS: () => context.clock.elapsedS() } as OperatorClock;
  const { workers } = await readFleets(stackHolding(held), context);
  return lookAtAll({ context, clock } as Session, workers, SETTINGS, clock.nowS() + WITHIN_S);
}

/** Rented one by one, on machines of their own, and left to boot. */
async function rent(world: RunWorld, count: number): Promise<Held[]> {
  const offers = await world.admin<{ id: number; machine_id: number; num_gpus: number }[]>("GET", "/offers");
  const single = offers.filter(({ num_gpus }) => num_gpus === 1);
  const free = [...new Map(single.map((offer) => [offer.machine_id, offer.id])).values()];
  const living = async () => (await world.contracts()).filter(({ destroyedAt }) => destroyedAt === null);
  for (let missing = count; missing > 0; missing = count - (await living()).length) {
    for (const id of free.splice(0, missing)) {
      const body = {
        client_id: "me",
        image: "ubuntu:22.04",
        disk: 10,
        price: null,
        runtype: "ssh",
        label: `fleet-${id}`,
      };
      await world.asUser("PUT", `/api/v0/asks/${id}/`, body);
      await world.clock.pass(5);
    }
  }
  await world.clock.pass(1800);
  return (await living()).map(({ id, label }) => ({ id: String(id), state: { label } as Held["state"] }));
}

test("200 workers are looked at within two minutes at the service's own limits, and those in trouble stand out with their last lines", async () => {
  const options = { market: "calm", offers: 3000, bootFactor: 10, credit: 1_000_000 } as const;
  await using world = await openWorld("triage", drawsOf("triage"), true, options);
  const talking = {
    match: { label: "fleet-" },
    model: "self-play",
    checkpointEverySeconds: 100_000,
    checkpointBytes: 1,
  };
  await world.admin("POST", "/workloads", talking);
  const held = await rent(world, 200);
  const [crashed, lost] = (await world.contracts()).filter(({ actual }) => actual === "running");
  await world.admin("POST", `/instances/${crashed?.id}/crash`);
  await world.admin("POST", `/machines/${lost?.machineId}/offline`);
  await world.clock.pass(300);

  const { context, life } = startProcess(world, new Life(), { limited: true, log: () => undefined });
  const beganS = world.clock.nowS;
  const lines = await world.clock.during(life, () => look(context, held));
  const seconds = world.clock.nowS - beganS;
  expect(seconds).toBeLessThan(120);
  expect(lines).toHaveLength(200);
  const alerts = lines.filter(({ flag }) => flag === "ALERT");
  expect(alerts.map(({ worker: name, sign }) => `${name} ${sign}`)).toEqual(
    expect.arrayContaining([`${crashed?.label} crashed`, `${lost?.label} offline`]),
  );
  expect(alerts.find(({ worker: name }) => name === crashed?.label)?.lastLines.join("")).not.toBe("");
  // At one log a second there is no time for all: those without one run, by the list.
  const unknown = lines.filter(({ flag }) => flag === "UNKNOWN");
  expect(unknown.filter(({ phase }) => phase !== "RUNNING")).toEqual([]);
  console.log(
    `triage of 200 workers: ${seconds.toFixed(0)} s of the service, ${200 - unknown.length} of them with a log`,
  );
});

test("a heartbeat that is too old is an alert, one that never came says nothing", async () => {
  const storage = await startStorage();
  try {
    await using world = await startWorld({ speed: 60 });
    const target = await storage.connect(world);
    const context = world.context();
    const copyOut = { target, paths: ["/workspace/out"] };
    const held = await Promise.all(["a", "b", "c"].map((name) => create(context, worker({ copyOut }, name))));
    const nowS = context.clock.elapsedS();
    const beat = (name: string, ageS: number) => {
      const text = JSON.stringify({ at: new Date((nowS - ageS) * 1000).toISOString() });
      return storage.put(target.bucket, `${target.prefix}/heartbeats/${name}.json`, text);
    };
    await beat("a", 600);
    await beat("b", -600);
    const lines = await look(context, held);
    expect(lines.map(({ flag, meaning }) => [flag, meaning.replace(/\d+/, "N")])).toEqual([
      ["ALERT", "no heartbeat for N s"],
      ["OK", ""],
      ["OK", ""],
    ]);
    expect(lines[2]?.heartbeatAge).toBeNull();
  } finally {
    await storage.stop();
  }
});

test("vitals come over SSH; a GPU that is lost is no GPU, and a host that reports nothing is not idle", async () => {
  const key = sshKey();
  await using world = await startWorld({ ssh: true, speed: 60 });
  vi.stubEnv("SSH_AUTH_SOCK", "");
  const context = world.context({ sshKeyFile: key.file });
  const inputs = { env: { VAST_SIM_WORKLOAD: "training" }, sshKeys: [key.publicKey] };
  const held = await create(context, worker(inputs));
  const read = async (settings = context) => {
    const { workers } = await readFleets(stackHolding([held]), settings);
    const [one] = workers;
    if (one === undefined) throw new Error("the worker is not there");
    return vitalsOf(settings, one, settings.clock.elapsedS(), undefined);
  };
  expect(await read()).toMatchObject({ gpus: 1, processes: 1, sshError: null, checkpointAge: null });
  expect((await read()).gpuUsed).toBeGreaterThan(60);

  await world.admin("POST", `/instances/${held.id}/gpu-fault`, { kind: "lost" });
  expect(await read()).toMatchObject({ gpus: 0, gpuUsed: null });

  const blind = world.context({ sshKeyFile: "/does/not/exist" });
  expect(await read(blind)).toMatchObject({
    gpus: null,
    processes: null,
    sshError: expect.stringContaining("needs a key"),
  });
});
