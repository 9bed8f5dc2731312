import { Command } from "commander";
import { type ChangingOptions, withYes } from "../options.ts";

export function restartStoppedCommand(): Command {
  const command = new Command("restart-stopped")
    .description(
      "start, or where that cannot be replace, what the stack wants running and is stopped, preempted or crashed",
    )
    .argument("[prefix]", "only fleets and labels that are this, or begin with this and a -")
    .addHelpText(
      "after",
      `
What the stack wants stopped (state: stopped) is never started, and nothing that has expired.

Examples:
  vast-fleet restart-stopped
  vast-fleet restart-stopped zeb --yes

Exit code: 0 all that is wanted runs, 1 it failed, 2 wrong usage, 3 partial: some are still down, or nobody agreed.`,
    );
  return withYes(command).action(async (prefix: string | undefined, options: ChangingOptions) => {
    const { restartStopped } = await import("../restart-stopped.ts");
    process.exitCode = await restartStopped(prefix, options);
  });
}
