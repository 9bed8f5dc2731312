import type { Entry } from "../world/ledger.ts";
import { offerRow } from "../world/offer-search.ts";
import type { Contract, Volume } from "../world/types.ts";
import { volumeRate } from "../world/volumes.ts";
import type { World } from "../world/world.ts";
import type { AdminContext } from "./app.ts";

export function registerViews({ app, world, api }: AdminContext): void {
  app.get("/admin/state", (c) => {
    const alive = [...world.contracts.values()].filter((contract) => contract.destroyedAt === null);
    return c.json({
      ...world.clockStatus(),
      accounts: [...world.accounts.values()].map(({ id, username, email, parentId }) => ({
        id,
        username,
        email,
        parentId,
        credit: world.ledger.credit(id, world.now),
        spent: world.ledger.spent(id, world.now),
      })),
      counts: {
        machines: world.machines.size,
        machinesOnline: [...world.machines.values()].filter((machine) => machine.online).length,
        offers: world.offers.size,
        instances: alive.length,
        running: alive.filter((contract) => contract.actual === "running").length,
        instancesEver: world.contractsEver,
        volumes: [...world.volumes.values()].filter((volume) => volume.deletedAt === null).length,
        copies: [...world.copies.values()].reduce((sum, jobs) => sum + jobs.length, 0),
        requests: api.requests.size,
        events: world.events.size,
      },
      connections: [...world.connections.values()].map(({ id, accountId, name, cloudType, endpoint }) => ({
        id,
        account: accountId,
        name,
        cloud_type: cloudType,
        endpoint,
      })),
    });
  });
  app.get("/admin/instances", (c) => {
    const all = c.req.query("all") === "1";
    const rows = [...world.contracts.values()].filter((contract) => all || contract.destroyedAt === null);
    return c.json(rows.map((contract) => instanceView(world, contract)));
  });
  app.get("/admin/volumes", (c) => {
    const all = c.req.query("all") === "1";
    const rows = [...world.volumes.values()].filter((volume) => all || volume.deletedAt === null);
    return c.json(rows.map((volume) => volumeView(world, volume)));
  });
  app.get("/admin/offers", (c) => c.json(offers(world)));
  app.get("/admin/machines", (c) => c.json(machines(world)));
  app.get("/admin/requests", (c) => c.json(api.requests.since(since(c.req.query("since")))));
  app.delete("/admin/requests", (c) => {
    api.requests.clear();
    return c.json({ ok: true });
  });
  app.get("/admin/events", (c) => c.json(world.events.since(since(c.req.query("since")))));
  app.get("/admin/bill", (c) => c.json(bill(world)));
}

function since(text: string | undefined): number {
  if (text === undefined) return Number.NEGATIVE_INFINITY;
  const at = Number(text);
  if (Number.isNaN(at)) throw new RangeError(`since is not a number: ${text}`);
  return at;
}

function instanceView(world: World, contract: Contract): Record<string, unknown> {
  const entries = world.ledger.entriesOf("instance", contract.id, world.now);
  const hours = entries.filter((entry) => entry.kind === "gpu").reduce((sum, entry) => sum + entry.quantity, 0);
  return {
    id: contract.id,
    account: contract.accountId,
    label: contract.label,
    env: contract.env,
    image: contract.image,
    onstart: contract.onstart,
    machineId: contract.machineId,
    offerId: contract.offerId,
    gpus: contract.gpuIndexes.length,
    isBid: contract.isBid,
    dphBase: contract.dphBase,
    diskGb: contract.diskGb,
    actual: contract.actual,
    intended: contract.intended,
    cur: contract.cur,
    next: contract.next,
    statusMsg: contract.progress?.(world.now) ?? contract.statusMsg,
    queued: contract.queued,
    outbid: contract.outbid,
    startDate: contract.startDate,
    endDate: contract.endDate,
    destroyedAt: contract.destroyedAt,
    filesAtDestroy: world.disks.filesAtDestroy(contract.id),
    dir: world.disks.contractDir(contract.id),
    mounts: contract.mounts.map((mount) => ({ ...mount, dir: world.disks.volumeDir(mount.volumeId) })),
    ports: contract.ports,
    everRan: contract.everRan,
    runningSeconds: hours * 3600,
    costUsd: sum(entries),
  };
}

function volumeView(world: World, volume: Volume): Record<string, unknown> {
  return {
    ...volume,
    account: volume.accountId,
    dir: world.disks.volumeDir(volume.id),
    dph: volumeRate(volume),
    costUsd: sum(world.ledger.entriesOf("volume", volume.id, world.now)),
  };
}

function offers(world: World): Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = [];
  for (const machine of world.machines.values()) {
    for (const offer of machine.offers) {
      const view = {
        world,
        offer,
        machine,
        type: "on-demand",
        allocatedGb: 8,
        now: world.now,
        accountId: null,
      } as const;
      rows.push({ ...offerRow(view), removed: offer.removed });
    }
  }
  return rows;
}

function machines(world: World): Record<string, unknown>[] {
  return [...world.machines.values()].map((machine) => ({
    id: machine.id,
    hostId: machine.hostId,
    gpu: machine.model.name,
    gpus: machine.gpuIds.length,
    online: machine.online,
    verification: machine.verification,
    dphPerGpu: machine.dphPerGpu,
    minBidPerGpu: machine.minBidPerGpu,
    cudaMaxGood: machine.cudaMaxGood,
    endDate: machine.endDate,
    offerIds: machine.offers.map((offer) => offer.id),
    rentals: machine.rentals.map(({ contractId, gpuIndexes, isBid, dphPerGpu }) => ({
      contractId,
      gpuIndexes,
      isBid,
      dphPerGpu,
    })),
  }));
}

function sum(entries: Iterable<Entry>): number {
  let total = 0;
  for (const entry of entries) total += entry.amount;
  return total;
}

interface Parts {
  totalUsd: number;
  computeUsd: number;
  diskUsd: number;
  bandwidthUsd: number;
  volumeUsd: number;
}

/** The ledger's exact amounts, summed three ways. */
function bill(
  world: World,
): Parts & { byAccount: Record<string, Parts>; byInstance: Record<string, Parts>; byVolume: Record<string, number> } {
  const total = noParts();
  const byAccount: Record<string, Parts> = {};
  const byInstance: Record<string, Parts> = {};
  const byVolume: Record<string, number> = {};
  const count = (entry: Amount & { accountId: number }): void => {
    add(total, entry);
    byAccount[entry.accountId] ??= noParts();
    add(byAccount[entry.accountId] as Parts, entry);
  };
  for (const folded of world.ledger.folded()) count(folded);
  for (const entry of world.ledger.allEntries(world.now)) {
    count(entry);
    if (entry.source === "instance") {
      byInstance[entry.sourceId] ??= noParts();
      add(byInstance[entry.sourceId] as Parts, entry);
    } else {
      byVolume[entry.sourceId] = (byVolume[entry.sourceId] ?? 0) + entry.amount;
    }
  }
  return { ...total, byAccount, byInstance, byVolume };
}

function noParts(): Parts {
  return { totalUsd: 0, computeUsd: 0, diskUsd: 0, bandwidthUsd: 0, volumeUsd: 0 };
}

const PART_OF = {
  gpu: "computeUsd",
  disk: "diskUsd",
  bwu: "bandwidthUsd",
  bwd: "bandwidthUsd",
  volume: "volumeUsd",
} as const;

type Amount = Pick<Entry, "kind" | "amount">;

function add(parts: Parts, entry: Amount): void {
  parts.totalUsd += entry.amount;
  parts[PART_OF[entry.kind]] += entry.amount;
}
