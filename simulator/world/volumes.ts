import { HOURS_PER_MONTH } from "./contract-state.ts";
import { cancelCopies } from "./copier.ts";
import { watchCredit } from "./credit.ts";
import type { Account, Contract, Machine, Volume } from "./types.ts";
import type { World } from "./world.ts";

/** Seconds after an instance's destroy until its volumes are free (vast-api.md 3.5). */
const RELEASE_S = 30;

/** GB of a volume offer that are still to be had; an offer may be rented until they are used up (vast-api.md 4). */
export function freeOnAsk(world: World, machine: Machine): number {
  if (!machine.volumeAsk) return 0;
  let rented = 0;
  for (const volume of world.volumes.values()) {
    if (volume.askId === machine.volumeAsk.id && volume.deletedAt === null) rented += volume.sizeGb;
  }
  return machine.volumeAsk.sizeGb - rented;
}

export function volumeRate(volume: Volume): number {
  return (volume.sizeGb * volume.storageCost) / HOURS_PER_MONTH;
}

export function rentVolume(
  world: World,
  account: Account,
  machine: Machine,
  request: { sizeGb: number; label: string | null },
): Volume {
  const ask = machine.volumeAsk;
  if (!ask) throw new Error(`machine ${machine.id} offers no volumes`);
  const volume: Volume = {
    id: world.nextId("volume"),
    accountId: account.id,
    machineId: machine.id,
    askId: ask.id,
    label: request.label,
    sizeGb: request.sizeGb,
    storageCost: ask.storageCost,
    startDate: world.now,
    endDate: machine.endDate,
    instances: [],
    deletedAt: null,
  };
  world.volumes.set(volume.id, volume);
  world.disks.createVolume(volume);
  world.record("volume-rented", { volume: volume.id, account: account.id, sizeGb: volume.sizeGb });
  updateVolumeMeter(world, volume);
  return volume;
}

export function deleteVolume(world: World, volume: Volume): void {
  volume.deletedAt = world.now;
  cancelCopies(world, `V.${volume.id}`, "volume deleted");
  updateVolumeMeter(world, volume);
  world.disks.destroyVolume(volume.id);
  world.record("volume-deleted", { volume: volume.id });
  world.retireVolume(volume);
}

/** From rent to delete, attached or not, but not while the machine is offline (vast-api.md 8.4). */
export function updateVolumeMeter(world: World, volume: Volume): void {
  const billed = volume.deletedAt === null && world.machineOf(volume).online;
  const subject = { accountId: volume.accountId, source: "volume", sourceId: volume.id } as const;
  world.ledger.setRate(world.now, subject, "volume", billed ? volumeRate(volume) : 0);
  watchCredit(world, volume.accountId);
}

export function releaseVolumes(world: World, contract: Contract): void {
  const volumeIds = contract.mounts.map((mount) => mount.volumeId);
  if (volumeIds.length === 0) return;
  world.clock.after(RELEASE_S, `volumes of ${contract.id}`, () => {
    for (const id of volumeIds) {
      const volume = world.volumes.get(id);
      if (volume) volume.instances = volume.instances.filter((instance) => instance !== contract.id);
    }
    world.record("volumes-released", { contract: contract.id, volumes: volumeIds });
  });
}
