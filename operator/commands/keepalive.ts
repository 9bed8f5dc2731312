import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export interface KeepaliveOptions extends CommonOptions {
  dryRun?: boolean;
}

export function keepaliveCommand(): Command {
  const command = new Command("keepalive")
    .description("one look at the fleets and the repairs that the rules ask for; for cron")
    .argument("[prefix]", "only fleets of this name, or that begin with it and a -")
    .option("--dry-run", "say what would be done; nothing is changed")
    .addHelpText(
      "after",
      `
The rules are those of monitor, and so is the memory: a worker that was restarted once is replaced the next time. A fleet
that a monitor watches is left to it.

Examples:
  vast-fleet keepalive                         all fleets of the stack
  */15 * * * * cd /srv/fleet && npx vast-fleet keepalive --json >> keepalive.log 2>&1

Exit code: 0 all is well or repaired, 1 it failed (also: Vast.ai cannot be asked), 2 wrong usage, 3 something is left.`,
    );
  return withCommonOptions(command).action(async (prefix: string | undefined, options: KeepaliveOptions) => {
    const { keepalive } = await import("../watch/keepalive.ts");
    process.exitCode = await keepalive(prefix, options);
  });
}
