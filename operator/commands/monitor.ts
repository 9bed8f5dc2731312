import { Command, InvalidArgumentError } from "commander";
import { withCommonOptions } from "../options.ts";
import { UsageError } from "../terminal.ts";
import type { MonitorOptions } from "../watch/run-monitor.ts";

interface Flags extends Omit<MonitorOptions, "onExit"> {
  tearDown?: boolean;
  keep?: boolean;
}

export function monitorCommand(): Command {
  const command = new Command("monitor")
    .description("keep a fleet at N healthy workers: repair what fails by the rules, through the stack, until Ctrl-C")
    .argument("<workers>", "how many", wholeNumber)
    .argument("[prefix]", "the fleet; may be left out where there is one only")
    .option("--fleet <name>", "the same as [prefix]")
    .option("--dry-run", "bootstrap check and one look, then what would be done; nothing is changed")
    .option("--tear-down", "Ctrl-C takes the fleet down without asking (results copied out first)")
    .option("--keep", "Ctrl-C leaves the fleet running")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
The list of instances is looked at every minute, logs every minute for the first half hour and after each repair, later
every ten minutes. One monitor per fleet. Killed, it goes on where it was when it is started again. While Vast.ai does not
answer it concludes nothing. Ctrl-C asks whether to take the fleet down; SIGTERM leaves it running. A second Ctrl-C ends
what has begun and begins nothing more. What it looks for is in docs/operator-watch.md.

Examples:
  vast-fleet monitor 4                     the stack's only fleet, kept at four
  vast-fleet monitor 4 trainer --dry-run   check everything, rent nothing
  vast-fleet monitor 4 trainer --keep      for a service: ends without ending the fleet

Exit code: 0 ended as asked, 1 it failed, 2 wrong usage, 3 the teardown is not complete.`,
    );
  return withCommonOptions(command).action(async (workers: number, prefix: string | undefined, flags: Flags) => {
    const { tearDown, keep, ...options } = flags;
    if (tearDown && keep) throw new UsageError("--tear-down and --keep exclude each other");
    const { runMonitor } = await import("../watch/run-monitor.ts");
    const onExit = tearDown ? ("tear-down" as const) : keep ? ("keep" as const) : undefined;
    process.exitCode = await runMonitor(workers, prefix, { ...options, ...(onExit ? { onExit } : {}) });
  });
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("is no number of workers.");
  return Number(text);
}
