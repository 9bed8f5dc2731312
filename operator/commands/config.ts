import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export function configCommand(): Command {
  const command = new Command("config")
    .description("the settings that hold, and where each comes from; secrets hidden")
    .addHelpText(
      "after",
      `
The stack's config wins over environment variables, which win over defaults.

Examples:
  vast-fleet config
  vast-fleet config --json | jq '.settings[] | select(.source == "VAST_MAX_PRICE")'

Exit code: 0 ok, 1 it failed, 2 wrong usage.`,
    );
  return withCommonOptions(command).action(async (options: CommonOptions) => {
    const { config } = await import("../config.ts");
    process.exitCode = await config(options);
  });
}
