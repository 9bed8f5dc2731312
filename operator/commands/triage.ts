import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export function triageCommand(): Command {
  const command = new Command("triage")
    .description(
      "what is in trouble and how, within two minutes: state, logs, heartbeats, credit and the hours it lasts",
    )
    .argument("[prefix]", "only workers of this fleet, or with a label that begins so")
    .addHelpText(
      "after",
      `
One listing serves all; logs are read side by side, those in trouble first; none is asked for after 55 seconds.

Examples:
  vast-fleet triage
  vast-fleet triage trainer --json | jq '.workers[] | select(.flag == "ALERT")'

Exit code: 0 all is well, 1 it failed, 2 wrong usage, 3 some are in trouble.`,
    );
  return withCommonOptions(command).action(async (prefix: string | undefined, options: CommonOptions) => {
    const { triage } = await import("../watch/triage.ts");
    process.exitCode = await triage(prefix, options);
  });
}
