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
    requests: requestsByRoute(api),
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

interface RouteLine {
  route: string;
  calls: number;
  /** Answers with 429. */
  limited: number;
  /** Other 4xx. */
  refused: number;
  /** 5xx and connections that were cut. */
  failed: number;
  totalMs: number;
}

/** Most called first. */
function requestsByRoute(api: Api): RouteLine[] {
  const lines = new Map<string, RouteLine>();
  for (const { route, status, ms } of api.requests.since(Number.NEGATIVE_INFINITY)) {
    let line = lines.get(route);
    if (!line) {
      line = { route, calls: 0, limited: 0, refused: 0, failed: 0, totalMs: 0 };
      lines.set(route, line);
    }
    line.calls += 1;
    line.totalMs += ms;
    if (status === 429) line.limited += 1;
    else if (status >= 500 || status === 0) line.failed += 1;
    else if (status >= 400) line.refused += 1;
  }
  return [...lines.values()].sort((a, b) => b.calls - a.calls || a.route.localeCompare(b.route));
}

/** Without the snapshot of a stale list and the body of an answer, which can be as long as they like. */
function faultLine({ id, kind, endpoint, match, status, seconds, times, struck, probability }: Fault) {
  return { id, kind, endpoint, match, status, seconds, times, struck, probability };
}
