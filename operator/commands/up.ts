import { Command } from "commander";
import { type ChangingOptions, count, withYes } from "../options.ts";

export interface UpOptions extends ChangingOptions {
  fleet?: string;
  gpu?: string[];
}

export function upCommand(): Command {
  const command = new Command("up")
    .description(
      "bring the stack's fleets up as its config says, or one of them to N workers; broken workers are repaired",
    )
    .argument("[N]", "number of workers of the fleet; never fewer than it has (see scale)", count)
    .option("--fleet <name>", "this fleet alone; default: the stack's only one, or without N all")
    .option("--gpu <models...>", "GPUs that the fleet may be rented on, e.g. RTX_3090; machines of others are replaced")
    .addHelpText(
      "after",
      `
It shows what would change and what it would cost, asks, and runs the same as pulumi up.

Examples:
  vast-fleet up                              all fleets, as the config says
  vast-fleet up 4                            four workers of the only fleet
  vast-fleet up 2 --fleet zeb-large --gpu RTX_3090 RTX_4090
  vast-fleet up 4 --yes --json               for a script

Exit code: 0 all wanted workers run, 1 it failed, 2 wrong usage, 3 partial: some are missing or down, or nobody agreed.`,
    );
  return withYes(command).action(async (workers: number | undefined, options: UpOptions) => {
    const { up } = await import("../up.ts");
    process.exitCode = await up(workers, options);
  });
}
