import type { Draws } from "../bench/draws.ts";
import type { RunWorld, SeenContract } from "../faults/run-world.ts";

export interface Incident {
  kind: "preemption" | "crash" | "dud" | "oom" | "price" | "host-loss" | "outage" | "boot-dud";
  atS: number;
  worker: string | undefined;
  /** The contract that it struck. */
  contract?: number;
}

const MINUTE = 60;
const OUTAGE_S = 20 * MINUTE;
const TICKS_TO_OOM_S = 11 * 120;

/** What goes wrong in a night, at times of the seed's choice: 25 minutes and more apart, so that each can be told. */
export function plan(world: RunWorld, draws: Draws, workers: readonly string[], endS: number): Incident[] {
  const kinds: Incident["kind"][] = [
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
  const startS = world.clock.nowS + 30 * MINUTE;
  const slotS = (endS - startS - 40 * MINUTE) / kinds.length;
  return shuffled(kinds, draws).map((kind, slot): Incident => {
    const atS = startS + slot * slotS + draws.integer(0, 5 * MINUTE);
    const incident: Incident = { kind, atS, worker: kind === "outage" ? undefined : draws.pick(workers) };
    world.at(atS, (nowS) => strike(world, incident, nowS));
    return incident;
  });
}

function shuffled<T>(items: readonly T[], draws: Draws): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(draws.integer(0, rest.length - 1), 1)[0] as T);
}

async function strike(world: RunWorld, incident: Incident, nowS: number): Promise<void> {
  const struck = incident.worker === undefined ? undefined : await running(world, incident.worker);
  if (incident.worker !== undefined && struck === undefined) return;
  if (struck) incident.contract = struck.id;
  await STRIKES[incident.kind](world, struck as SeenContract, nowS);
}

async function running(world: RunWorld, label: string): Promise<SeenContract | undefined> {
  const own = (await world.contracts()).filter((contract) => contract.label === label && contract.destroyedAt === null);
  return own.find(({ actual, cur }) => actual === "running" && cur === "running");
}

const STRIKES: Record<Incident["kind"], (world: RunWorld, struck: SeenContract, nowS: number) => Promise<void>> = {
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
  outage: async (world, _, nowS) => {
    await world.fault({ endpoint: "*", kind: "status", status: 503, times: null });
    world.at(nowS + OUTAGE_S, async () => void (await world.admin("DELETE", "/faults")));
  },
  "boot-dud": async (world, { id }) => {
    await world.fault({ endpoint: "boot", kind: "pull-stuck", times: 1 });
    await world.admin("POST", `/instances/${id}/preempt`);
  },
};

async function workload(world: RunWorld, label: string, model: string): Promise<void> {
  const rule = { match: { label }, model, checkpointEverySeconds: 600, checkpointBytes: 3000, keep: 3 };
  await world.admin("POST", "/workloads", rule);
}
