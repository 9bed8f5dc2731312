import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actionRecord } from "../../operator/record.ts";
import { Watch } from "../../operator/watch/check.ts";
import { keepWatch } from "../../operator/watch/monitor.ts";
import { readWatchSettings } from "../../operator/watch/settings.ts";
import { openBucket } from "../../provider/copy-out/bucket.ts";
import { proofKey } from "../../provider/copy-out/canary.ts";
import { drawsOf } from "../bench/draws.ts";
import { Engine } from "../faults/engine.ts";
import { memoryS3 } from "../faults/memory-s3.ts";
import { openWorld, STARTED_AT_S } from "../faults/run-world.ts";
import { RunBucket } from "../faults/storage.ts";
import { bindingOf, EngineFleet } from "./engine-fleet.ts";
import { type Incident, plan } from "./incidents.ts";
import { judge, type NightFigures } from "./judge.ts";

const HOURS = 8;
const WORKERS = 4;

export interface NightOptions {
  seed: number;
  /** Without it the fleet is left to itself, for comparison. */
  monitored: boolean;
  say?: (line: string) => void;
}

export interface Night extends NightFigures {
  incidents: Incident[];
  /** How often which sign led to which repair. */
  repairs: Record<string, number>;
  /** What the watch and its updates said. */
  transcript: string[];
}

/** Eight virtual hours of a fleet of four, in which everything of the runbooks goes wrong. */
export async function night({ seed, monitored, say }: NightOptions): Promise<Night> {
  const draws = drawsOf(`night ${seed}`);
  await using s3 = await memoryS3();
  await using world = await openWorld(`night ${seed}`, draws, true, {
    market: "calm",
    offers: 700,
    bootFactor: 2,
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
    const endS = STARTED_AT_S + HOURS * 3600;
    const incidents = plan(world, draws, fleet.names(), endS);

    const failed = await fleet.up();
    if (failed !== undefined) throw new Error(failed);
    const transcript: string[] = [];
    const repairs: Record<string, number> = {};
    const clock = {
      nowS: () => world.clock.nowS,
      waitUntil: (epochS: number) => world.clock.pass(Math.max(0, Math.min(epochS, endS) - world.clock.nowS)),
    };
    if (monitored) {
      const over = new AbortController();
      const watch = new Watch({
        fleet,
        record: actionRecord({ folder, name: "night" }, clock.nowS),
        nowS: clock.nowS,
        settings: readWatchSettings(undefined),
        say: (line) => {
          const at = new Date((world.clock.nowS - STARTED_AT_S) * 1000).toISOString().slice(11, 19);
          transcript.push(`${at} ${line}`);
          say?.(`${at} ${line}`);
        },
      });
      await keepWatch({
        watch,
        clock,
        settings: readWatchSettings(undefined),
        signal: over.signal,
        onReport: ({ repaired }) => {
          for (const { what, sign, error } of repaired) {
            const kind = `${what}: ${sign}${error === undefined ? "" : ", did not go through"}`;
            repairs[kind] = (repairs[kind] ?? 0) + 1;
          }
          if (world.clock.nowS >= endS - 1) over.abort();
        },
      });
    } else await clock.waitUntil(endS);
    const figures = await judge({ world, bucket, binding, incidents, endS, workers: WORKERS });
    return { ...figures, incidents, repairs, transcript: [...transcript, ...fleet.lines] };
  } finally {
    bucket.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const TRAINING = { model: "training", checkpointEverySeconds: 600, checkpointBytes: 3000, keep: 3 };

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
    bid: 0.9,
    maxBid: 1,
    onInterruption: "replace",
    onOffline: "park",
    bootTimeout: 600,
    restoreFrom: "last",
    copyOut: { target, paths: ["/workspace/checkpoints"], required: [], timeout: 900 },
  };
}
