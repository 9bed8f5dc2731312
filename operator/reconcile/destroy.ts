import type { Context } from "pulumi-vast/internal/context";
import type { Findings } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import {
  type CopyOutOrder,
  destroyOrphan,
  destroyOrphanVolume,
  settleParked,
} from "pulumi-vast/internal/lifecycle/reconcile/settle";

export interface Failure {
  /** Of the contract or the volume. */
  id: number;
  message: string;
}

/** What was agreed to and is still lost now; volumes last, since contracts may mount them. */
export async function destroyAll(
  context: Context,
  { orphans, parked, orphanVolumes }: Findings,
  agreed: ReadonlySet<number>,
  order: CopyOutOrder,
): Promise<Failure[]> {
  const isUnfinished = ({ settledBy }: { settledBy: string }) => settledBy === "unfinished";
  const contracts = [
    ...orphans
      .filter((orphan) => !isUnfinished(orphan))
      .map((orphan) => ({ id: orphan.row.id, destroy: () => destroyOrphan(context, orphan, order) })),
    ...parked.map((found) => ({ id: found.record.contract, destroy: () => settleParked(context, found) })),
  ];
  const volumes = orphanVolumes
    .filter((volume) => !isUnfinished(volume))
    .map((volume) => ({ id: volume.row.id, destroy: () => destroyOrphanVolume(context, volume, order) }));
  const failures: Failure[] = [];
  for (const group of [contracts, volumes]) {
    const chosen = group.filter(({ id }) => agreed.has(id));
    const ends = await Promise.allSettled(chosen.map(({ destroy }) => destroy()));
    ends.forEach((end, index) => {
      if (end.status === "rejected") failures.push({ id: chosen[index]?.id ?? 0, message: messageOf(end.reason) });
    });
  }
  return failures;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
