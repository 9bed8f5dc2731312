import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import type { Context } from "pulumi-vast/internal/context";

export interface Killed {
  /** Ids of contracts that are proven gone. */
  destroyed: number[];
  /** Their labels. */
  labels: string[];
  /** Ids of those that are still listed, or whose end could not be proven. */
  left: number[];
  /** Seconds of the service. */
  seconds: number;
  errors: string[];
}

/** How often it looks for what an update under way has rented meanwhile. */
const MOST_ROUNDS = 3;

/**
 * Destroys what is chosen, in bulk calls at the pace of the service, and looks again until nothing of it is left: an
 * update that is under way may rent more meanwhile. Nothing is copied.
 */
export async function destroyChosen(context: Context, choose: (row: InstanceRow) => boolean): Promise<Killed> {
  const startedS = context.clock.elapsedS();
  const destroyed = new Map<number, string>();
  const errors: string[] = [];
  let found = await listed(context, choose);
  for (let round = 0; round < MOST_ROUNDS && found.length > 0; round++) {
    const ends = await Promise.allSettled(found.map(({ id }) => context.destroyer.destroy(id)));
    found.forEach(({ id, label }, index) => {
      const end = ends[index];
      if (end?.status === "rejected") errors.push((end.reason as Error).message);
      else destroyed.set(id, label ?? "");
    });
    found = await listed(context, choose);
  }
  const left = found.map(({ id }) => id);
  for (const id of left) destroyed.delete(id);
  return {
    destroyed: [...destroyed.keys()],
    labels: [...destroyed.values()],
    left,
    seconds: context.clock.elapsedS() - startedS,
    errors: [...new Set(errors)],
  };
}

/** One kill after the other, of the same choice. */
export function sumOf(all: readonly Killed[]): Killed {
  const left = all.at(-1)?.left ?? [];
  return {
    destroyed: all.flatMap(({ destroyed }) => destroyed).filter((id) => !left.includes(id)),
    labels: all.flatMap(({ labels }) => labels),
    left,
    seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
    errors: [...new Set(all.flatMap(({ errors }) => errors))],
  };
}

export async function listed(context: Context, choose: (row: InstanceRow) => boolean): Promise<InstanceRow[]> {
  const { rows } = await context.sweeper.since(context.clock.elapsedS());
  return [...rows.values()].filter(choose);
}
