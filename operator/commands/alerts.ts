import { Argument, Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export interface AlertsOptions extends CommonOptions {
  file?: string;
  dryRun?: boolean;
}

export function alertsCommand(): Command {
  const command = new Command("alerts")
    .description("tell a webhook when a worker stays unhealthy, or a day costs too much")
    .addArgument(new Argument("[action]", "what to do").choices(["check", "test", "show"]).default("check"))
    .option("--file <file>", "the rules; default: stacks/alerts.yaml of the project")
    .option("--dry-run", "with check: say what is due, tell nobody, count nothing")
    .addHelpText(
      "after",
      `
\`check\` is for cron: it counts how often in a row each worker was unhealthy. Nothing is told twice; what a receiver did
not take is told again at the next check.

Examples:
  vast-fleet alerts show
  vast-fleet alerts test                 a message to every webhook
  vast-fleet alerts check                every 10 minutes, by cron

Exit code: 0 ok, 1 it failed, 2 wrong usage, 3 a receiver did not take an alert.`,
    );
  return withCommonOptions(command).action(async (action: "check" | "test" | "show", options: AlertsOptions) => {
    const { alerts } = await import("../alerts/run.ts");
    process.exitCode = await alerts(action, options);
  });
}
