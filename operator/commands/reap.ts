import { Command } from "commander";
import { type ChangingOptions, withYes } from "../options.ts";

export function reapCommand(): Command {
  const command = new Command("reap")
    .description("destroy workers that have expired, results copied out first: stopped, they still bill their disk")
    .argument("[prefix]", "only fleets and labels that are this, or begin with this and a -")
    .addHelpText(
      "after",
      `
Expired is what is past its expiresAt or maxDurationHours, or past its rental's end. Its fleet then has so many workers fewer
in the stack's config, so that no later up rents them again.

Examples:
  vast-fleet reap
  0 * * * *  cd ~/fleet && vast-fleet reap --yes        from cron

Exit code: 0 nothing expired is left, 1 it failed, 2 wrong usage, 3 partial: something is kept, or nobody agreed.`,
    );
  return withYes(command).action(async (prefix: string | undefined, options: ChangingOptions) => {
    const { reap } = await import("../reap.ts");
    process.exitCode = await reap(prefix, options);
  });
}
