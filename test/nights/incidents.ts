import type { Draws } from "../bench/draws.ts";
import type { RunWorld, SeenContract } from "../faults/run-world.ts";

export interface Incident {
  kind: "preemption" | "crash" | "dud" | "oom" | "price" | "host-loss" | "outage" | "boot-dud";
  atS: number;
  worker: string;
  /** The contract that it struck. */
  contract?: number;
  /** When anybody could first do something about it; that of an outage, once the service answers again. */
  fromS: number;
}

/** What a night needs of the world it is played in. */
export type NightWorld = Pick<RunWorld, "admin" | "asUser" | "fault" | "contracts" | "events" | "at">;

export const ALL_KINDS: readonly Incident["kind"][] = [
  "preemption",
  "preemption",
  "crash",
  "dud",
  "oom",
  "price",
  "host-loss",
  "outage",
  "boot-dud",
];

export interface Span {
  startS: number;
  endS: number;
}

const MINUTE = 60;
const OUTAGE_S = 20 * MINUTE;
/** Into the outage: the machine that is lost while nobody can ask for it. */
const LOST_MEANWHILE_S = 8 * MINUTE;
const TICKS_TO_OOM_S = 11 * 120;

/** What goes wrong in a night, at times of the seed's choice, each in an equal share of the night. */
export function plan(
  world: NightWorld,
  draws: Draws,
  workers: readonly string[],
  { startS, endS }: Span,
  kinds: readonly Incident["kind"][] = ALL_KINDS,
): Incident[] {
  const slotS = (endS - startS) / kinds.length;
  return shuffled(kinds, draws).map((kind, slot): Incident => {
    const atS = startS + slot * slotS + draws.integer(0, slotS / 10);
    const fromS = kind === "outage" ? atS + OUTAGE_S : atS;
    const incident: Incident = { kind, atS, fromS, worker: draws.pick(workers) };
    world.at(atS, (nowS) => strike(world, incident, nowS));
    return incident;
  });
}

function shuffled<T>(items: readonly T[], draws: Draws): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(draws.integer(0, rest.length - 1), 1)[0] as T);
}

async function strike(world: NightWorld, incident: Incident, nowS: number): Promise<void> {
  const struck = await running(world, incident.worker);
  if (struck === undefined) return;
  incident.worker = struck.label;
  incident.contract = struck.id;
  await STRIKES[incident.kind](world, struck, nowS);
}

/** The worker's machine, or that of another one where it has none just now. A parked contract is nobody's any more. */
async function running(world: NightWorld, label: string): Promise<SeenContract | undefined> {
  const newest = new Map((await world.contracts()).toSorted((a, b) => a.id - b.id).map((one) => [one.label, one]));
  const running = [...newest.values()].filter(
    ({ destroyedAt, actual, cur }) => destroyedAt === null && actual === "running" && cur === "running",
  );
  return running.find((contract) => contract.label === label) ?? running[0];
}

const STRIKES: Record<Incident["kind"], (world: NightWorld, struck: SeenContract, nowS: number) => Promise<void>> = {
  preemption: async (world, { id }) => void (await world.admin("POST", `/instances/${id}/preempt`)),
  crash: async (world, { id }) => void (await world.admin("POST", `/instances/${id}/crash`)),
  dud: async (world, { label }, nowS) => {
    await workload(world, label, "no-cuda");
    world.at(nowS + 20, () => workload(world, label, "training"));
  },
  oom: async (world, { label }, nowS) => {
    await workload(world, label, "oom");
    world.at(nowS + TICKS_TO_OOM_S + 60, () => workload(world, label, "training"));
  },
  price: (world, { id }) => world.asUser("PUT", `/api/v0/instances/bid_price/${id}/`, { client_id: "me", price: 1.4 }),
  "host-loss": async (world, { machineId }, nowS) => {
    await world.admin("POST", `/machines/${machineId}/offline`);
    world.at(nowS + 90 * MINUTE, async () => void (await world.admin("POST", `/machines/${machineId}/online`)));
  },
  outage: async (world, { id }, nowS) => {
    await world.fault({ endpoint: "*", kind: "status", status: 503, times: null });
    world.at(nowS + LOST_MEANWHILE_S, async () => void (await world.admin("POST", `/instances/${id}/preempt`)));
    world.at(nowS + OUTAGE_S, async () => void (await world.admin("DELETE", "/faults")));
  },
  "boot-dud": async (world, { id }) => {
    await world.fault({ endpoint: "boot", kind: "pull-stuck", times: 1 });
    await world.admin("POST", `/instances/${id}/preempt`);
  },
};

async function workload(world: NightWorld, label: string, model: string): Promise<void> {
  const rule = { match: { label }, model, checkpointEverySeconds: 600, checkpointBytes: 3000, keep: 3 };
  await world.admin("POST", "/workloads", rule);
}
