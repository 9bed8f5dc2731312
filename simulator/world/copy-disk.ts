import type { Contract, Machine, Volume } from "./types.ts";
import type { World } from "./world.ts";

/** What a copy with a cloud reads or writes: an instance's disk with what is mounted in it, or a volume's own. */
export interface CopyDisk {
  /** "C.<id>" or "V.<id>". */
  readonly name: string;
  /** Null for a volume, which has no status_msg and no log to tell of the copy. */
  readonly contract: Contract | null;
  readonly owner: Contract | Volume;
  readonly machine: Machine;
  readonly upCostPerGb: number;
  readonly downCostPerGb: number;
  isGone(): boolean;
  /** The real path. */
  resolve(path: string): string;
  /** Throws DiskFullError when a write of that size would not fit. */
  assertRoom(path: string, bytes: number): void;
  recount(): void;
}

export function instanceDisk(world: World, contract: Contract): CopyDisk {
  return {
    name: `C.${contract.id}`,
    contract,
    owner: contract,
    machine: world.machineOf(contract),
    upCostPerGb: contract.inetUpCostPerGb,
    downCostPerGb: contract.inetDownCostPerGb,
    isGone: () => contract.destroyedAt !== null,
    resolve: (path) => world.disks.resolve(contract, path),
    assertRoom: (path, bytes) => world.disks.assertRoom(contract, path, bytes),
    recount: () => world.disks.recount(contract),
  };
}

export function volumeDisk(world: World, volume: Volume): CopyDisk {
  const machine = world.machineOf(volume);
  return {
    name: `V.${volume.id}`,
    contract: null,
    owner: volume,
    machine,
    upCostPerGb: machine.inetUpCostPerGb,
    downCostPerGb: machine.inetDownCostPerGb,
    isGone: () => volume.deletedAt !== null,
    resolve: (path) => world.disks.resolveInVolume(volume.id, path),
    assertRoom: (path, bytes) => world.disks.assertRoomInVolume(volume, path, bytes),
    recount: () => world.disks.recountVolume(volume.id),
  };
}
