import { computeRate, diskRate } from "../../world/contract-state.ts";
import type { Entry } from "../../world/ledger.ts";
import type { Contract } from "../../world/types.ts";
import { volumeRate } from "../../world/volumes.ts";
import type { World } from "../../world/world.ts";

/** A page redrawn every second does not get better by thousands of rows: the filter finds the rest. */
const ROWS = 200;

export interface InstanceFilter {
  text: string;
  destroyed: boolean;
}

/** Newest first; the counts are of all living ones, whatever the filter. */
export function instancesNow(world: World, filter: InstanceFilter) {
  const byStatus: Record<string, number> = {};
  const found: Contract[] = [];
  let total = 0;
  const wanted = filter.text.trim().toLowerCase();
  for (const contract of world.contracts.values()) {
    const alive = contract.destroyedAt === null;
    const status = statusOf(contract);
    if (alive) {
      total += 1;
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    }
    if ((alive || filter.destroyed) && searchText(world, contract).includes(wanted)) found.push(contract);
  }
  const rows = found.slice(-ROWS).reverse();
  return { total, byStatus, found: found.length, rows: rows.map((contract) => instanceRow(world, contract)) };
}

function searchText(world: World, contract: Contract): string {
  const { model } = world.machineOf(contract);
  const words = [contract.label ?? "", contract.id, model.name, contract.machineId, statusOf(contract)];
  return words.join(" ").toLowerCase();
}

/** What the API's `actual_status` says, and what it leaves out. */
function statusOf(contract: Contract): string {
  if (contract.destroyedAt !== null) return "destroyed";
  if (contract.actual === "running") return "running";
  if (contract.outbid) return "outbid";
  if (contract.queued) return "waiting for GPU";
  return contract.actual ?? "accepted";
}

function instanceRow(world: World, contract: Contract) {
  const machine = world.machineOf(contract);
  const { now } = world;
  const diskBilled = contract.destroyedAt === null && machine.online;
  return {
    id: contract.id,
    label: contract.label,
    gpu: `${contract.gpuIndexes.length}× ${machine.model.name}`,
    machineId: machine.id,
    isBid: contract.isBid,
    status: statusOf(contract),
    message: contract.destroyedAt === null ? (contract.progress?.(now) ?? contract.statusMsg) : null,
    gpuFault: contract.gpuFault,
    dphNow: computeRate(world, contract) + (diskBilled ? diskRate(contract) : 0),
    uptimeS: contract.runningSince === null ? null : now - contract.runningSince,
    costUsd: sum(world.ledger.entriesOf("instance", contract.id, now)),
  };
}

export function volumesNow(world: World) {
  const living = [...world.volumes.values()].filter((volume) => volume.deletedAt === null);
  const rows = living.slice(-ROWS).reverse();
  return {
    total: living.length,
    rows: rows.map((volume) => ({
      id: volume.id,
      label: volume.label,
      machineId: volume.machineId,
      sizeGb: volume.sizeGb,
      instances: volume.instances,
      dphNow: world.machineOf(volume).online ? volumeRate(volume) : 0,
      costUsd: sum(world.ledger.entriesOf("volume", volume.id, world.now)),
    })),
  };
}

function sum(entries: readonly Entry[]): number {
  return entries.reduce((total, entry) => total + entry.amount, 0);
}
