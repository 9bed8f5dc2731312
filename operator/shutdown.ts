import { VastError } from "pulumi-vast/internal/api/errors";
import type { Context } from "pulumi-vast/internal/context";
import { mayHaveRun } from "pulumi-vast/internal/lifecycle/instance/condition";
import type { ShutdownOptions } from "./commands/shutdown.ts";
import { copyAll } from "./copy-out.ts";
import { takeDown, under } from "./down.ts";
import { findWorker } from "./fleet/find.ts";
import type { Worker } from "./fleet/read.ts";
import { openSession } from "./session.ts";

export async function shutdown(prefix: string | undefined, options: ShutdownOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  const leaving =
    options.instance === undefined ? under(all, prefix) : { fleets: [], workers: [findWorker(all, options.instance)] };
  const sync = {
    first: () => syncAll(session.context, leaving.workers),
    remark: "All of them are copied out before the first one is destroyed; when one cannot be, none is.",
  };
  return takeDown(session, all, { what: "shutdown", ...leaving, ...(options.syncFirst ? sync : {}) }, options);
}

/** @throws VastError when the results of any of them could not be saved */
export async function syncAll(context: Context, workers: readonly Worker[]): Promise<void> {
  const { failed } = await copyAll(context, workers.filter(hasResults));
  if (failed.length === 0) return;
  throw new VastError(
    "blocked",
    [
      `nothing was destroyed, and the config is as it was: results of ${failed.map(({ label }) => label).join(", ")} could not be copied out`,
      ...failed.map(({ message }) => `  ${message}`),
    ].join("\n"),
    { fix: "put that right; or leave out --sync-first: those that can be copied out go then, the others are kept" },
  );
}

/** The gate too lets those go that never ran, that are gone, or whose results somebody gave up in writing. */
function hasResults({ row, state }: Worker): boolean {
  return row !== undefined && (state.everRan || mayHaveRun(row)) && state.copyOut?.waive === undefined;
}
