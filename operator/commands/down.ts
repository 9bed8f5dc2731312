import { Command } from "commander";
import { type ChangingOptions, withYes } from "../options.ts";

export interface DownOptions extends ChangingOptions {
  force?: boolean;
}

export function downCommand(): Command {
  const command = new Command("down")
    .description("destroy fleets, results copied out and verified first; buckets and targets stay")
    .argument("[prefix]", "fleets and labels that are this, or begin with this and a -; default: all")
    .option("--force", "do not ask, like --yes; the copy-out holds all the same")
    .addHelpText(
      "after",
      `
The number of workers of each fleet becomes 0 in the stack's config, so that no later up rents them again.

Examples:
  vast-fleet down                 everything the stack has rented
  vast-fleet down zeb-large       only fleet zeb-large
  vast-fleet down zeb --force     zeb and zeb-large, without asking

Exit code: 0 destroyed, 1 it failed, 2 wrong usage, 3 partial: something is kept (its copy-out failed), or nobody agreed.`,
    );
  return withYes(command).action(async (prefix: string | undefined, options: DownOptions) => {
    const { down } = await import("../down.ts");
    process.exitCode = await down(prefix, { ...options, yes: options.yes || options.force });
  });
}
