import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";
import { UsageError } from "../terminal.ts";

export interface AutoscaleOptions extends CommonOptions {
  check?: boolean;
  scaleUp?: boolean;
  scaleDown?: boolean;
  policy?: boolean;
  count?: number;
  fleet?: string;
  file: string;
  dryRun?: boolean;
  yes?: boolean;
}

export function autoscaleCommand(): Command {
  const command = new Command("autoscale")
    .description("fit fleets to the length of their queue, within bounds, budgets, times of day and cooldowns")
    .option("--check", "look once and act by the policy; for cron")
    .option("--scale-up", "add workers now")
    .option("--scale-down", "remove idle workers now, results copied out first; asks")
    .option("--policy", "show the policy as it holds now")
    .option("--count <n>", "with --scale-up: how many (1); with --scale-down: at most so many", positive)
    .option("--fleet <name>", "only this fleet of the policy")
    .option("--file <file>", "the policy; default: stacks/autoscale.yaml of the project")
    .option("--dry-run", "decide and say so, change nothing")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
Give one of --check, --scale-up, --scale-down, --policy. Bounds and budgets hold for all of them; --check does not ask:
the policy is its consent. A queue that does not answer changes nothing, and ends with exit code 3.

Examples:
  vast-fleet autoscale --policy
  vast-fleet autoscale --check --dry-run            what would it do now?
  vast-fleet autoscale --check                      every 10 minutes, by cron
  vast-fleet autoscale --scale-up --count 2 --fleet trainer
  vast-fleet autoscale --scale-down                 take what is idle

Exit code: 0 done or nothing to do, 1 it failed, 2 wrong usage, 3 a queue did not answer.`,
    );
  return withCommonOptions(command).action(async (given: AutoscaleOptions) => {
    const options = { ...given, file: given.file ?? join(given.cwd, "stacks/autoscale.yaml") };
    checkUsage(options);
    const { autoscale } = await import("../autoscale/run.ts");
    process.exitCode = await autoscale(options);
  });
}

function checkUsage({ check, scaleUp, scaleDown, policy, count }: AutoscaleOptions): void {
  if ([check, scaleUp, scaleDown, policy].filter(Boolean).length !== 1)
    throw new UsageError("say one of --check, --scale-up, --scale-down, --policy");
  if (count !== undefined && !scaleUp && !scaleDown)
    throw new UsageError("--count goes with --scale-up or --scale-down; how many --check adds, the policy says");
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 1 to 999");
  return Number(text);
}
