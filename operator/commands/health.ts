import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export function healthCommand(): Command {
  const command = new Command("health")
    .description(
      "GPU, memory, disk, processes, last checkpoint and work per hour of every worker, over the API and SSH",
    )
    .argument("[prefix]", "only workers of this fleet, or with a label that begins so")
    .addHelpText(
      "after",
      `
What nobody reports is shown as -, never as zero. A worker that fails three checks in a row is an alert; checks are counted
in the record. Limits are in pulumi-vast:watch of the stack config (docs/operator-watch.md).

Examples:
  vast-fleet health
  vast-fleet health trainer --json

Exit code: 0 all is well, 1 an alert or it failed, 2 wrong usage, 3 problems that have not lasted yet.`,
    );
  return withCommonOptions(command).action(async (prefix: string | undefined, options: CommonOptions) => {
    const { health } = await import("../watch/health.ts");
    process.exitCode = await health(prefix, options);
  });
}
