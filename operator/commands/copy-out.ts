import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export function copyOutCommand(): Command {
  const command = new Command("copy-out")
    .description("copy workers' results to their bucket now, and verify them; the workers go on as they are")
    .argument("<worker...>", "labels or contract ids, or the name of a fleet for all of its workers")
    .addHelpText(
      "after",
      `
Of a running worker the files that do not change meanwhile are copied. A destroy copies again whatever has changed since.

Examples:
  vast-fleet copy-out trainer-worker-0
  vast-fleet copy-out zeb

Exit code: 0 all copied and verified, 1 none was, 2 wrong usage, 3 some were not.`,
    );
  return withCommonOptions(command).action(async (workers: string[], options: CommonOptions) => {
    const { copyOut } = await import("../copy-out.ts");
    process.exitCode = await copyOut(workers, options);
  });
}
