import type { FaultSpec } from "../../simulator/world/faults.ts";
import type { Draws } from "../bench/draws.ts";
import type { RunWorld, SeenContract } from "./run-world.ts";

/** The side of a world from which mishaps come. */
export type Mischief = Pick<RunWorld, "admin" | "asUser" | "contracts" | "fault">;

/** Every call that the provider makes, as a place for faults of the connection. */
const ROUTES = [
  "GET /api/v1/instances/",
  "GET /api/v0/instances/{id}/",
  "GET /api/v0/users/current/",
  "POST /api/v0/bundles/",
  "PUT /api/v0/asks/{id}/",
  "PUT /api/v0/instances/{id}/",
  "PUT /api/v0/instances/bid_price/{id}/",
  "PUT /api/v0/instances/update_template/{id}/",
  "PUT /api/v0/instances/command/{id}/",
  "DELETE /api/v0/instances/{id}/",
  "DELETE /api/v0/instances/",
  "POST /api/v0/commands/rclone/",
  "GET /api/v0/users/cloud_integrations/",
  "GET /api/v0/volumes/",
  "POST /api/v0/volumes/search/",
  "PUT /api/v0/volumes/",
  "DELETE /api/v0/volumes/",
  "*",
] as const;

const RENT = "PUT /api/v0/asks/{id}/";
const LIST = "GET /api/v1/instances/";

type Fault = Partial<FaultSpec> & Pick<FaultSpec, "kind">;
type Make = (draws: Draws) => Fault;

const anywhere = (draws: Draws) => ({
  // What rents and what destroys is where a lost answer costs money.
  endpoint: draws.chance(0.35) ? draws.pick([RENT, "DELETE /api/v0/instances/", LIST]) : draws.pick(ROUTES),
  times: draws.pick([1, 1, 1, 2, 3, 12]),
  probability: draws.pick([1, 1, 0.5]),
});

const MAKES: Record<string, Make> = {
  delay: (draws) => ({ kind: "delay", ...anywhere(draws), seconds: draws.pick([5, 40, 200]) }),
  status: (draws) => ({ kind: "status", ...anywhere(draws), status: draws.pick([429, 500, 502, 503, 504]) }),
  "wrong-key": (draws) => ({
    kind: "status",
    ...anywhere(draws),
    status: draws.pick([401, 404]),
    body: { success: false, error: "auth_error", msg: "Invalid user key" },
  }),
  html: (draws) => ({ kind: "html", ...anywhere(draws), status: draws.pick([403, 200, 502]) }),
  "drop-before": (draws) => ({ kind: "drop-before", ...anywhere(draws) }),
  "drop-after": (draws) => ({ kind: "drop-after", ...anywhere(draws) }),
  truncate: (draws) => ({ kind: "truncate", ...anywhere(draws) }),
  "wrong-shape": (draws) => ({
    kind: "wrong-shape",
    ...anywhere(draws),
    body: draws.pick([undefined, "", [], { success: true }, { success: true, instances: "" }]),
  }),
  "stale-list": (draws) => ({ kind: "stale-list", endpoint: LIST, times: draws.pick([1, 3, 10]) }),
  "omit-from-list": (draws) => ({ kind: "omit-from-list", endpoint: LIST, times: draws.pick([1, 3, 10]) }),
  // Once: a list and a single read that go on telling the same lie cannot be told from the truth.
  "null-instance": () => ({ kind: "null-instance", endpoint: "GET /api/v0/instances/{id}/" }),
  "offer-gone": (draws) => ({ kind: "offer-gone", endpoint: RENT, times: draws.pick([1, 2, 4]) }),
  "price-rise": (draws) => ({ kind: "price-rise", endpoint: RENT, body: draws.pick([1.05, 2]) }),
  "no-room": (draws) => ({ kind: "no-room", endpoint: RENT, times: draws.pick([1, 2]) }),
  "pull-stuck": () => ({ kind: "pull-stuck", endpoint: "boot" }),
  "boot-fail": (draws) => ({ kind: "boot-fail", endpoint: "boot", times: draws.pick([1, 2, 5]) }),
  "cuda-mismatch": () => ({ kind: "cuda-mismatch", endpoint: "boot" }),
  "host-offline": (draws) => ({ kind: "host-offline", endpoint: "boot", seconds: draws.pick([0, 1, 30, 300]) }),
  "copy-noop": () => ({ kind: "copy-noop", endpoint: "copy" }),
  "copy-half": () => ({ kind: "copy-half", endpoint: "copy" }),
  "copy-fail": (draws) => ({ kind: "copy-fail", endpoint: "copy", times: draws.pick([1, 2]), body: "no space left" }),
  "copy-stuck": () => ({ kind: "copy-stuck", endpoint: "copy" }),
  "execute never answers": () => ({ kind: "status", endpoint: "execute" }),
  "execute cut short": (draws) => ({ kind: "truncate", endpoint: "execute", times: draws.pick([1, 2]) }),
};

/** Puts a fault of a random kind into the world; what it was, for the report. */
export async function randomFault(world: Mischief, draws: Draws): Promise<{ kind: string; fault: Fault }> {
  const kind = draws.pick(Object.keys(MAKES));
  const make = MAKES[kind] as Make;
  const fault = make(draws);
  await world.fault(fault);
  return { kind, fault };
}

export interface Event {
  kind: string;
  happen: (world: Mischief) => Promise<void>;
}

type Choose = (contracts: readonly SeenContract[]) => SeenContract | undefined;

/** Draws now what will happen later to whoever is there by then: a run must not depend on who that is. */
export function randomEvent(draws: Draws): Event {
  const share = draws.next();
  const pick: Choose = (contracts) => contracts[Math.floor(share * contracts.length)];
  const kind = draws.pick(EVENT_KINDS);
  const factor = draws.pick([0.8, 1.3, 3]);
  const others = draws.next();
  return { kind, happen: (world) => EVENTS[kind](world, pick, { factor, others }) };
}

interface Detail {
  factor: number;
  /** 0 ≤ x < 1: which machine, for what concerns the market. */
  others: number;
}

const EVENTS = {
  preempt: (world: Mischief, pick: Choose) =>
    toRunning(
      world,
      pick,
      (one) => world.admin("POST", `/instances/${one.id}/preempt`),
      (one) => one.isBid,
    ),
  crash: (world: Mischief, pick: Choose) =>
    toRunning(world, pick, (one) => world.admin("POST", `/instances/${one.id}/crash`)),
  "host offline": (world: Mischief, pick: Choose) =>
    toLiving(world, pick, (one) => world.admin("POST", `/machines/${one.machineId}/offline`)),
  "host online": (world: Mischief, pick: Choose) =>
    toLiving(world, pick, (one) => world.admin("POST", `/machines/${one.machineId}/online`)),
  "stopped by hand": (world: Mischief, pick: Choose) =>
    toLiving(world, pick, (one) => world.asUser("PUT", `/api/v0/instances/${one.id}/`, { state: "stopped" })),
  "started by hand": (world: Mischief, pick: Choose) =>
    toLiving(world, pick, (one) => world.asUser("PUT", `/api/v0/instances/${one.id}/`, { state: "running" })),
  "label changed by hand": (world: Mischief, pick: Choose) =>
    toLiving(world, pick, (one) => world.asUser("PUT", `/api/v0/instances/${one.id}/`, { label: "renamed" })),
  "price moves": async (world: Mischief, _pick: Choose, { factor, others }: Detail) => {
    const machines = await world.admin<{ id: number }[]>("GET", "/machines");
    const machine = machines[Math.floor(others * machines.length)];
    await world.admin("POST", `/machines/${machine?.id}/price`, { factor });
  },
  "offer withdrawn": async (world: Mischief, _pick: Choose, { others }: Detail) => {
    const offers = await world.admin<{ id: number; removed: boolean }[]>("GET", "/offers");
    const offer = offers[Math.floor(others * offers.length)];
    await world.admin("POST", `/offers/${offer?.id}/remove`);
  },
};

const EVENT_KINDS = Object.keys(EVENTS) as (keyof typeof EVENTS)[];

type Strike = (contract: SeenContract) => Promise<unknown>;

async function toLiving(world: Mischief, pick: Choose, strike: Strike): Promise<void> {
  const one = pick((await world.contracts()).filter((contract) => contract.destroyedAt === null));
  if (one) await strike(one);
}

async function toRunning(
  world: Mischief,
  pick: Choose,
  strike: Strike,
  fits: (contract: SeenContract) => boolean = () => true,
): Promise<void> {
  const running = (contract: SeenContract) =>
    contract.destroyedAt === null && contract.actual === "running" && contract.cur === "running" && fits(contract);
  const one = pick((await world.contracts()).filter(running));
  if (one === undefined) return;
  try {
    await strike(one);
  } catch (error) {
    // Refused, for it has stopped or gone since it was looked at: then nothing happens to it.
    const now = (await world.contracts()).find(({ id }) => id === one.id);
    if (now !== undefined && running(now)) throw error;
  }
}
