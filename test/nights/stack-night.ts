import { operatorClock } from "../../operator/clock.ts";
import { destroyChosen } from "../../operator/kill/destroy.ts";
import { openSession } from "../../operator/session.ts";
import { readWatchSettings } from "../../operator/watch/settings.ts";
import { stackFleet } from "../../operator/watch/stack-fleet.ts";
import { drawsOf } from "../bench/draws.ts";
import type { FleetProject } from "../e2e/operator-project.ts";
import { type Cloud, STACK, YES } from "../e2e/project.ts";
import { markOf } from "../faults/run-world.ts";
import { RunBucket } from "../faults/storage.ts";
import { FLEET } from "./engine-fleet.ts";
import { type Incident, type NightWorld, plan } from "./incidents.ts";
import { judge, TARGETS_S } from "./judge.ts";
import { type Night, SPOT } from "./night.ts";
import { watchThrough } from "./watch.ts";

/** Of the night's fleet; a stack of it is opened with these. */
export const NIGHT_WORKERS = 4;
export const NIGHT_FLEETS = {
  [FLEET]: {
    profile: "self-play",
    workers: NIGHT_WORKERS,
    with: {
      offer: {
        gpu: ["RTX_3060", "RTX_3070", "RTX_3080", "RTX_3090", "RTX_4090", "A40"],
        maxDph: 1.2,
        minReliability: 0.9,
      },
      ...SPOT,
      // As in the nights on the handlers: one that fails before its first checkpoint would block its own replacement.
      copyOut: { required: [] },
    },
  },
};
/**
 * Fast until the fleet is up. Then at the pace of the wall, and the monitor's waits are jumped over: what the engine and its
 * provider take counts one to one. They wait for machines to boot as well, so boots are short.
 */
export const NIGHT_CLOUD = { speed: 60, bootFactor: 10 };

interface StackNightOptions {
  cloud: Cloud;
  project: FleetProject;
  seed: number;
  /** Of incidents; the watch goes on until the last of them has to be over. */
  hours: number;
  kinds: readonly Incident["kind"][];
  say?: (line: string) => void;
}

/** A night of the real monitor on a real stack: its `up`s are those of the engine. */
export async function stackNight({ cloud, project, seed, hours, kinds, say }: StackNightOptions): Promise<Night> {
  const { world, clock: time } = worldOf(cloud);
  const bucket = new RunBucket(cloud.local.s3.url, cloud.bucket);
  try {
    await project.ok(["up", ...YES]);
    await project.ok(["config", "set", "vast:clockScale", "1", "--stack", STACK]);
    await world.admin("POST", "/clock", { speed: 1 });
    const startS = await time.nowS();
    const strikesEndS = startS + hours * 3600;
    const span = { startS, endS: strikesEndS + TARGETS_S.gpu };
    const lines: string[] = [];
    const session = await openSession(
      { cwd: project.folder, stack: STACK },
      {
        clock: (context) => operatorClock(context.clock, time.pass),
        signal: new AbortController().signal,
        log: (line) => void lines.push(line),
      },
    );
    // Without a look at the service its time is not known.
    await session.fleets();
    const names = Array.from({ length: NIGHT_WORKERS }, (_, n) => `${FLEET}-worker-${n}`);
    const incidents = plan(world, drawsOf(`night ${seed}`), names, { startS: startS + 60, endS: strikesEndS }, kinds);
    // A log takes its host seconds to upload, which count here: it is looked at where something has ended, and now and then.
    const settings = readWatchSettings(JSON.stringify({ every: { first: 600, firstFor: 0 } }));
    const { clock, record } = session;
    const watched = await watchThrough({ fleet: stackFleet(session, FLEET), clock, record, settings, span, say });
    const figures = await judge({
      world,
      bucket,
      binding: { prefix: `runs/${FLEET}` },
      incidents,
      span: { startS, endS: await time.nowS() },
      workers: NIGHT_WORKERS,
    });
    const beganS = await time.nowS();
    await destroyChosen(session.context, () => true);
    const ends = (await world.contracts()).filter(markOf).map(({ destroyedAt }) => destroyedAt ?? Number.NaN);
    const killedInS = Math.max(...ends) - beganS;
    return { ...figures, ...watched, incidents, killedInS, transcript: [...watched.transcript, ...lines] };
  } finally {
    bucket.close();
  }
}

interface Time {
  /** Epoch seconds of the service. */
  nowS(): Promise<number>;
  /** Jumps so far, and lets happen on the way what is due. */
  pass(seconds: number): Promise<void>;
}

function worldOf({ local }: Cloud): { world: NightWorld; clock: Time } {
  const admin = <T>(method: string, path: string, body?: unknown) => local.admin<T>(method, `/admin${path}`, body);
  const agenda: { atS: number; happen: (nowS: number) => Promise<void> }[] = [];
  const nowS = async () => (await admin<{ now: number }>("GET", "/clock")).now;
  const stepTo = async (atS: number) => {
    const seconds = atS - (await nowS());
    if (seconds > 0) await admin("POST", "/clock", { step: seconds });
  };
  const world: NightWorld = {
    admin,
    asUser: async (method, path, body) => {
      const headers = { authorization: `Bearer ${local.vastApiKey}`, "content-type": "application/json" };
      await fetch(`${local.vastUrl}${path}`, { method, headers, body: JSON.stringify(body) });
    },
    fault: async (fault) => void (await admin("POST", "/faults", fault)),
    contracts: () => admin("GET", "/instances?all=1"),
    events: () => admin("GET", "/events"),
    at: (atS, happen) => {
      agenda.push({ atS, happen });
      agenda.sort((a, b) => a.atS - b.atS);
    },
  };
  const pass = async (seconds: number) => {
    const endS = (await nowS()) + seconds;
    for (let next = agenda[0]; next && next.atS <= endS; next = agenda[0]) {
      agenda.shift();
      await stepTo(next.atS);
      await next.happen(await nowS());
    }
    await stepTo(endS);
  };
  return { world, clock: { nowS, pass } };
}
