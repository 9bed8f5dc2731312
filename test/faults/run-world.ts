import { type SimulatorOptions, startSimulator } from "../../simulator/server.ts";
import type { FaultSpec } from "../../simulator/world/faults.ts";
import type { Choices } from "../../simulator/world/options.ts";
import type { Draws } from "../bench/draws.ts";
import { httpClient, must } from "../bench/http.ts";
import { Life } from "./life.ts";
import { SteppedClock } from "./stepped-clock.ts";

export const API_KEY = "key-of-the-first-account-7c1e";
export const OTHER_KEY = "key-of-another-account-93ab";
/** Known to no account. */
export const REVOKED_KEY = "key-that-was-revoked-20fd";
/** Of an answer that a fault holds back. */
const LONGEST_DELAY_S = 300;
/** Every run begins then, virtual epoch seconds. */
export const STARTED_AT_S = 1_790_000_000;
const MARK = "PULUMI_VAST_MARK";

export interface SeenFile {
  path: string;
  size: number;
  sha256: string;
}

export interface SeenContract {
  id: number;
  account: number;
  label: string;
  env: [string, string][];
  machineId: number;
  isBid: boolean;
  actual: string | null;
  intended: string;
  cur: string;
  startDate: number;
  destroyedAt: number | null;
  filesAtDestroy: SeenFile[];
  /** Where its disk is here. */
  dir: string;
  everRan: boolean;
  runningSeconds: number;
}

export interface SeenVolume {
  id: number;
  label: string;
  machineId: number;
}

export interface SeenEvent {
  at: number;
  kind: string;
  [detail: string]: unknown;
}

export interface RunWorld extends AsyncDisposable {
  url: string;
  clock: SteppedClock;
  admin<T>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<T>;
  /** As another program with the same key would call the service. */
  asUser(method: string, path: string, body?: unknown): Promise<void>;
  fault(fault: Partial<FaultSpec> & Pick<FaultSpec, "kind">): Promise<void>;
  contracts(): Promise<SeenContract[]>;
  volumes(): Promise<SeenVolume[]>;
  events(): Promise<SeenEvent[]>;
  /** Something that happens then, whoever sleeps or waits at that time. */
  at(epochS: number, happen: (nowS: number) => Promise<void>): void;
}

const nothing = (): void => undefined;

export function markOf(contract: SeenContract): string | undefined {
  return contract.env.find(([name]) => name === MARK)?.[1];
}

/** A small market of its own for every run, whose time stands still unless somebody sleeps. */
export async function openWorld(
  seed: string,
  draws: Draws,
  limited: boolean,
  different: Partial<SimulatorOptions> = {},
): Promise<RunWorld> {
  const choices: Partial<Choices> = {
    enforceRateLimits: limited,
    rejectedCallsRestartInterval: draws.chance(0.3),
    createdStoppedStatus: draws.pick([200, 400]),
    refusedStart: draws.pick(["queued", "reverted"]),
    stoppedActualStatus: draws.pick(["exited", "stopped"]),
    preemptedIntendedStatus: draws.pick(["stopped", "running"]),
    copyCompleteText: draws.pick(["Cloud Copy Operation Complete\n", "Cloud Copy Operation Finished"]),
  };
  const simulator = await startSimulator({
    apiKey: API_KEY,
    seed,
    paused: true,
    startAt: STARTED_AT_S,
    ssh: false,
    offers: draws.pick([90, 140, 220]),
    market: draws.chance(0.3) ? "live" : "calm",
    bootFactor: draws.pick([1, 4, 10]),
    choices,
    ...different,
  });
  const adminSide = httpClient(simulator.adminUrl, simulator.adminToken);
  const userSide = httpClient(simulator.url, API_KEY);
  const admin = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    must(adminSide, method, `/admin${path}`, body) as Promise<T>;
  const move = async (order: unknown): Promise<number> => (await admin<{ now: number }>("POST", "/clock", order)).now;
  const agenda: { atS: number; happen: (nowS: number) => Promise<void> }[] = [];
  const step = async (seconds: number): Promise<number> => {
    let nowS = await move({ step: 0 });
    const endS = nowS + seconds;
    for (let next = agenda[0]; next && next.atS <= endS; next = agenda[0]) {
      agenda.shift();
      nowS = await move({ step: Math.max(0, next.atS - nowS) });
      await next.happen(nowS);
    }
    return move({ step: Math.max(0, endS - nowS) });
  };
  const clock = new SteppedClock(STARTED_AT_S, {
    step: (seconds) => (agenda.length === 0 ? move({ step: seconds }) : step(seconds)),
    heldBackFor: () => heldBackFor(admin),
  });
  await admin("POST", "/accounts", { apiKey: OTHER_KEY, credit: 100 });
  return {
    url: simulator.url,
    clock,
    admin,
    // Faults strike this caller too: while an answer is held back, somebody has to wait for it, or time stands still.
    asUser: (method, path, body) =>
      clock.during(new Life(), () => userSide.call(method, path, body).then(nothing, nothing)),
    fault: async (fault) => void (await admin("POST", "/faults", fault)),
    contracts: () => admin("GET", "/instances?all=1"),
    volumes: () => admin("GET", "/volumes"),
    events: () => admin("GET", "/events"),
    at: (atS, happen) => {
      agenda.push({ atS, happen });
      agenda.sort((a, b) => a.atS - b.atS);
    },
    [Symbol.asyncDispose]: async () => {
      clock.close();
      adminSide.close();
      userSide.close();
      await simulator.close();
    },
  };
}

type Admin = RunWorld["admin"];

async function heldBackFor(admin: Admin): Promise<number | undefined> {
  const { now } = await admin<{ now: number }>("GET", "/clock");
  const faults = await admin<{ id: number; seconds?: number }[]>("GET", "/faults");
  const struck = (await admin<SeenEvent[]>("GET", `/events?since=${now - LONGEST_DELAY_S}`)).filter(
    (event) => event.fault !== undefined,
  );
  const ends = struck.map(({ at, fault }) => at + (faults.find(({ id }) => id === fault)?.seconds ?? 0) - now);
  const ahead = ends.filter((seconds) => seconds > 0);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}
