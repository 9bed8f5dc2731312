import type { Api } from "../../http/api.ts";
import type { Fault } from "../../world/faults.ts";
import type { ItemKind } from "../../world/ledger.ts";
import type { World } from "../../world/world.ts";
import { latestEvents } from "./events.ts";
import { type InstanceFilter, instancesNow, volumesNow } from "./instances.ts";
import { marketByModel } from "./market.ts";

export interface OverviewOptions {
  instances: InstanceFilter;
  events: { market: boolean };
}

/**
 * All the page shows, in one small answer: the views beside it give every offer, request and entry, which is too much
 * to ask for each second.
 */
export function overview(world: World, api: Api, options: OverviewOptions) {
  return {
    clock: world.clockStatus(),
    accounts: accounts(world),
    bill: billByKind(world),
    market: marketByModel(world),
    instances: instancesNow(world, options.instances),
    volumes: volumesNow(world),
    events: latestEvents(world, options.events),
    requests: api.requests.byRoute(),
    faults: world.faults.list().map(faultLine),
  };
}

function accounts(world: World) {
  return [...world.accounts.values()].map(({ id, username }) => ({
    id,
    username,
    credit: world.ledger.credit(id, world.now),
    spent: world.ledger.spent(id, world.now),
    dphNow: world.ledger.burnRate(id, world.now),
  }));
}

function billByKind(world: World): { totalUsd: number; byKind: Record<ItemKind, number> } {
  const byKind = { gpu: 0, disk: 0, volume: 0, bwu: 0, bwd: 0 };
  let totalUsd = 0;
  for (const entry of world.ledger.allEntries(world.now)) {
    byKind[entry.kind] += entry.amount;
    totalUsd += entry.amount;
  }
  return { totalUsd, byKind };
}

/** Without the snapshot of a stale list and the body of an answer, which can be as long as they like. */
function faultLine({ id, kind, endpoint, match, status, seconds, times, struck, probability }: Fault) {
  return { id, kind, endpoint, match, status, seconds, times, struck, probability };
}
