import { Command, Option } from "commander";
import { withCommonOptions } from "../options.ts";
import type { RecoverOptions } from "../watch/recover.ts";

export function recoverCommand(): Command {
  const command = new Command("recover")
    .description(
      "recover one worker from a preemption, a crash or a failed GPU, through the stack and its copy-out gate",
    )
    .argument("<id|label>", "contract id, name or label of the worker")
    .addOption(
      new Option("--type <incident>", "what happened; default: what its state and its log say").choices([
        "preemption",
        "crash",
        "gpu",
      ]),
    )
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
preemption  another host goes on from the last checkpoint                  aims at 10 min
crash       restarted on its machine                                       aims at 5 min
gpu         destroyed after its copy-out, another machine is rented        aims at 15 min
A billing emergency is \`vast-fleet kill\`'s, within 1 min.

Examples:
  vast-fleet recover trainer-worker-2
  vast-fleet recover 36700002 --type gpu --yes

Exit code: 0 it runs again in time (or nothing was wrong), 1 it failed, 2 wrong usage, 3 late, or not running yet.`,
    );
  return withCommonOptions(command).action(async (which: string, options: RecoverOptions) => {
    const { recover } = await import("../watch/recover.ts");
    process.exitCode = await recover(which, options);
  });
}
