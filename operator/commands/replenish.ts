import { Command } from "commander";
import { type ChangingOptions, count, withYes } from "../options.ts";

export function replenishCommand(): Command {
  const command = new Command("replenish")
    .description(
      "make sure that a fleet has N living workers: dead ones are restarted or replaced, missing ones rented",
    )
    .argument("<N>", "least number of workers; a fleet that has more keeps them", count)
    .argument("[fleet]", "name of the fleet; default: the stack's only one")
    .addHelpText(
      "after",
      `
Results of a worker that is replaced are copied out first. The record says which were dead.

Examples:
  vast-fleet replenish 4
  vast-fleet replenish 4 zeb-large --yes

Exit code: 0 N workers run, 1 it failed, 2 wrong usage, 3 partial: some are missing or down, or nobody agreed.`,
    );
  return withYes(command).action(async (workers: number, fleet: string | undefined, options: ChangingOptions) => {
    const { replenish } = await import("../replenish.ts");
    process.exitCode = await replenish(workers, fleet, options);
  });
}
