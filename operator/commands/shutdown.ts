import { Command } from "commander";
import { type ChangingOptions, withYes } from "../options.ts";
import { UsageError } from "../terminal.ts";

export interface ShutdownOptions extends ChangingOptions {
  syncFirst?: boolean;
  instance?: string;
}

export function shutdownCommand(): Command {
  const command = new Command("shutdown")
    .description("down for the end of an experiment: with --sync-first all or none, and of a single worker too")
    .argument("[prefix]", "fleets and labels that are this, or begin with this and a -; default: all")
    .option(
      "--sync-first",
      "copy out and verify all of them before the first one is destroyed; on failure destroy none",
    )
    .option("--instance <name>", "only this worker: label, contract id, or vast-<contract id>")
    .addHelpText(
      "after",
      `
Every worker is copied out and verified as it is destroyed, and one whose copy fails is kept: as with down. --sync-first saves
all results while the workers still run; only when nothing is missing does the first one go. The fleets' numbers of workers
change in the stack's config too, so that no later up rents them again.

Examples:
  vast-fleet shutdown --sync-first                       everything
  vast-fleet shutdown zeb-large --sync-first
  vast-fleet shutdown --instance vast-12345 --sync-first

Exit code: 0 all of it is gone, 1 it failed (with --sync-first: nothing was destroyed), 2 wrong usage, 3 partial: something is
kept, or nobody agreed.`,
    );
  return withYes(command).action(async (prefix: string | undefined, options: ShutdownOptions) => {
    if (prefix !== undefined && options.instance !== undefined)
      throw new UsageError("a prefix and --instance: give one or the other");
    const { shutdown } = await import("../shutdown.ts");
    process.exitCode = await shutdown(prefix, options);
  });
}
