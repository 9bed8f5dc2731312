import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { destroyChosen } from "../../operator/kill/destroy.ts";
import { actionRecord } from "../../operator/record.ts";
import { readWatchSettings } from "../../operator/watch/settings.ts";
import { openBucket } from "../../provider/copy-out/bucket.ts";
import { proofKey } from "../../provider/copy-out/canary.ts";
import { drawsOf } from "../bench/draws.ts";
import { Engine } from "../faults/engine.ts";
import { Life } from "../faults/life.ts";
import { memoryS3 } from "../faults/memory-s3.ts";
import { startProcess } from "../faults/provider-process.ts";
import { markOf, openWorld, type RunWorld, STARTED_AT_S } from "../faults/run-world.ts";
import { RunBucket } from "../faults/storage.ts";
import { bindingOf, EngineFleet } from "./engine-fleet.ts";
import { type Incident, plan } from "./incidents.ts";
import { judge, type NightFigures } from "./judge.ts";
import { NOT_WATCHED, type OperatorTime, type Watched, watchThrough } from "./watch.ts";

const HOURS = 8;
const WORKERS = 4;
/** At its beginning nothing goes wrong, and what does at its end has time to be over. */
const RAMP_S = 1800;
const LAST_S = 2400;

export interface NightOptions {
  seed: number;
  /** Without it the fleet is left to itself, for comparison. */
  monitored: boolean;
  say?: (line: string) => void;
}

export interface Night extends NightFigures, Watched {
  incidents: Incident[];
  /** Seconds until nothing of the fleet was left when at the end of the night all of it was killed at once. */
  killedInS: number;
}

/** Eight virtual hours of a fleet of four, in which everything of the runbooks goes wrong. */
export async function night({ seed, monitored, say }: NightOptions): Promise<Night> {
  const draws = drawsOf(`night ${seed}`);
  await using s3 = await memoryS3();
  await using world = await openWorld(`night ${seed}`, draws, true, {
    market: "calm",
    offers: 700,
    bootFactor: 1,
    choices: {},
  });
  const folder = mkdtempSync(join(tmpdir(), "vast-night-"));
  const bucket = new RunBucket(s3.url, `night-${seed}`);
  try {
    await bucket.make();
    const { id } = await world.admin<{ id: number }>("POST", "/connections", {
      name: "s3c",
      endpoint: bucket.url,
      region: bucket.region,
      accessKeyId: "local-root",
      secretAccessKey: "local-root-of-a-loopback-server",
    });
    const binding = bindingOf(id, bucket);
    await openBucket(binding).writeJson(proofKey(binding), { connectionId: id });
    const engine = new Engine(world.clock);
    const program = { workers: WORKERS, profile: profileFor(binding), excludeMachines: [], overrides: {} };
    const fleet = new EngineFleet(world, engine, program, true);
    await world.admin("POST", "/workloads", { ...TRAINING, match: { label: fleet.name } });
    const span = { startS: STARTED_AT_S, endS: STARTED_AT_S + HOURS * 3600 };
    const incidents = plan(world, draws, fleet.names(), { startS: span.startS + RAMP_S, endS: span.endS - LAST_S });

    const failed = await fleet.up();
    if (failed !== undefined) throw new Error(failed);
    const clock: OperatorTime = {
      nowS: () => world.clock.nowS,
      waitUntil: (epochS) => world.clock.pass(Math.max(0, epochS - world.clock.nowS)),
    };
    const settings = readWatchSettings(undefined);
    const record = actionRecord({ folder, name: "night" }, clock.nowS);
    const watched = monitored
      ? await watchThrough({ fleet, clock, record, settings, span, say })
      : await clock.waitUntil(span.endS).then(() => NOT_WATCHED);
    const figures = await judge({ world, bucket, binding, incidents, span, workers: WORKERS });
    const killedInS = await emergency(world);
    return { ...figures, ...watched, incidents, killedInS, transcript: [...watched.transcript, ...fleet.lines] };
  } finally {
    bucket.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The billing emergency of the runbook: judged by when the last contract of the fleet ended. */
async function emergency(world: RunWorld): Promise<number> {
  const { context, life } = startProcess(world, new Life(), { limited: true, log: () => undefined });
  const beganS = world.clock.nowS;
  await world.clock.during(life, () => destroyChosen(context, () => true));
  const ends = (await world.contracts()).filter(markOf).map(({ destroyedAt }) => destroyedAt ?? Number.NaN);
  return Math.max(...ends) - beganS;
}

const TRAINING = { model: "training", checkpointEverySeconds: 600, checkpointBytes: 3000, keep: 3 };

/** How the night's workers are rented, and go on when they lose their machine. */
export const SPOT = {
  bid: 0.9,
  maxBid: 1,
  onInterruption: "replace",
  onOffline: "park",
  bootTimeout: 600,
  restoreFrom: "last",
};

function profileFor(target: unknown): Record<string, unknown> {
  return {
    offer: {
      gpu: ["RTX 3060", "RTX 3070", "RTX 3080", "RTX 3090", "RTX 4090", "RTX A6000", "A40", "L40"],
      count: 1,
      verified: true,
      minReliability: 0.9,
      maxDph: 1.2,
    },
    image: "pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime",
    disk: 20,
    ...SPOT,
    copyOut: { target, paths: ["/workspace/checkpoints"], required: [], timeout: 900 },
  };
}
