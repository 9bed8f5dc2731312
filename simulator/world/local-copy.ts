import type { Contract } from "./types.ts";
import type { World } from "./world.ts";

/** What came and went between an instance's disk and the client's own. */
export interface LocalTraffic {
  receivedBytes: number;
  sentBytes: number;
  /** Files that came in, in order, as paths in the container. */
  received: readonly string[];
  full: boolean;
}

export interface LocalCopyDoor {
  /** Where the client's rsync goes, or what this machine lacks for it. */
  open(contract: Contract, writable: boolean): Promise<{ address: string; port: number } | { missing: string }>;
}

/**
 * Books a copy with the client's own disk when it is over: its bytes as traffic, and what does not fit on the disk is
 * taken away again, the last files first, since rsync writes past the simulator's count.
 */
export function settleLocalCopy(world: World, contract: Contract, traffic: LocalTraffic): void {
  if (contract.destroyedAt !== null) return;
  const subject = { accountId: contract.accountId, source: "instance", sourceId: contract.id } as const;
  world.ledger.traffic(world.now, subject, "bwd", traffic.receivedBytes, contract.inetDownCostPerGb);
  world.ledger.traffic(world.now, subject, "bwu", traffic.sentBytes, contract.inetUpCostPerGb);
  contract.downloadedBytes += traffic.receivedBytes;
  contract.uploadedBytes += traffic.sentBytes;
  world.disks.recount(contract);
  let { full } = traffic;
  for (const path of traffic.received.toReversed()) {
    if (world.disks.roomBytes(contract) >= 0) break;
    world.disks.remove(contract, path);
    full = true;
  }
  const { receivedBytes, sentBytes } = traffic;
  world.record("local-copy", { contract: contract.id, receivedBytes, sentBytes, full });
}
