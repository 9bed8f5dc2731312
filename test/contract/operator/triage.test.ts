import { expect, test, vi } from "vitest";
import type { OperatorClock } from "../../../operator/clock.ts";
import { readFleets } from "../../../operator/fleet/read.ts";
import type { Session } from "../../../operator/session.ts";
import type { OperatorStack } from "../../../operator/stack.ts";
import { readWatchSettings } from "../../../operator/watch/settings.ts";
import { lookAtAll, WITHIN_S } from "../../../operator/watch/triage.ts";
import { vitalsOf } from "../../../operator/watch/vitals.ts";
import type { Context } from "../../../provider/context.ts";
import { sshKey } from "../../support/ssh-key.ts";
import { create, type Held, startStorage, startWorld, worker } from "../../support/vast-world.ts";

const SETTINGS = readWatchSettings('{"heartbeat": {"maxAge": 120}}');

/** A stack that holds what was created, as far as reading goes. */
function stackOf(held: readonly Held[]): OperatorStack {
  const recorded = held.map(({ id, state }) => ({
    urn: `urn:pulumi:dev::p::vast:index:Fleet$pulumi-nodejs:dynamic/vast:Instance::${state.label}`,
    type: "Instance" as const,
    id,
    inputs: state,
    props: state,
  }));
  const knowledge = async () => ({ markPrefix: "", recorded, pending: [] });
  return { knowledge, fleets: { read: () => ({}) } } as unknown as OperatorStack;
}

async function look(context: Context, held: readonly Held[]) {
  const clock = { nowS: () => context.clock.elapsedS() } as OperatorClock;
  const { workers } = await readFleets(stackOf(held), context);
  return lookAtAll({ context, clock } as Session, workers, SETTINGS, clock.nowS() + WITHIN_S);
}

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
    const { workers } = await readFleets(stackOf([held]), settings);
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
