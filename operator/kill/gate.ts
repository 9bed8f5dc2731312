import type { Context } from "pulumi-vast/internal/context";
import { deleteInstance } from "pulumi-vast/internal/lifecycle/instance/delete";
import type { Orphan } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { destroyOrphan } from "pulumi-vast/internal/lifecycle/reconcile/settle";
import type { Worker } from "../fleet/read.ts";
import type { Killed } from "./destroy.ts";

/** The same through the copy-out gate, all at once: what cannot be copied is kept. */
export async function destroyThroughGate(
  context: Context,
  workers: readonly Worker[],
  orphans: readonly Orphan[],
): Promise<Killed> {
  const startedS = context.clock.elapsedS();
  const destroys = [
    ...workers.map(({ contract, label, state }) => ({
      ...{ id: contract, label },
      destroy: () => deleteInstance(context, String(contract), { ...state }),
    })),
    ...orphans.map((orphan) => ({
      ...{ id: orphan.row.id, label: orphan.row.label ?? "" },
      destroy: () => destroyOrphan(context, orphan, {}),
    })),
  ];
  const ends = await Promise.allSettled(destroys.map(({ destroy }) => destroy()));
  const ended = (status: PromiseSettledResult<void>["status"]) =>
    destroys.filter((_, index) => ends[index]?.status === status);
  return {
    destroyed: ended("fulfilled").map(({ id }) => id),
    labels: ended("fulfilled").map(({ label }) => label),
    left: ended("rejected").map(({ id }) => id),
    seconds: context.clock.elapsedS() - startedS,
    errors: ends.flatMap((end) => (end.status === "rejected" ? [(end.reason as Error).message] : [])),
  };
}
