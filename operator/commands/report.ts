import { Command, InvalidArgumentError } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";
import { UsageError } from "../terminal.ts";

export interface ReportOptions extends CommonOptions {
  days: number;
  /** Epoch seconds. */
  from?: number;
  to?: number;
  html?: string;
  markdown?: string;
  sample?: boolean;
  units?: RegExp;
  unit: string;
}

const MOST_DAYS = 92;

export function reportCommand(): Command {
  const command = new Command("report")
    .description("cost by fleet, team, GPU and day; work for each dollar, GPU use, interruptions and recovery times")
    .option("--days <n>", "whole UTC days up to today", days, 7)
    .option("--from <date>", "from this UTC day, e.g. 2026-11-01", date)
    .option("--to <date>", "until the beginning of this UTC day", date)
    .option("--html <file>", "write one self-contained page with charts")
    .option("--markdown <file>", "write Markdown")
    .option("--sample", "note what every worker does now; by cron, for reports to come")
    .option(
      "--units <regex>",
      "with --sample: finds work in logs, with groups `rate` (a second) or `total`",
      expression,
    )
    .option("--unit <name>", "what is done, for headings", "games")
    .addHelpText(
      "after",
      `
Costs are Vast.ai's own charges. What a machine did it tells nobody later, so let \`report --sample\` note it every 10
minutes: without samples a report has costs alone.

Examples:
  vast-fleet report                                    the last seven days
  vast-fleet report --sample                           by cron
  vast-fleet report --days 30 --html november.html
  vast-fleet report --sample --units '([0-9.]+) tokens/s'
  vast-fleet report --json | jq .byFleet

Exit code: 0 ok, 1 it failed, 2 wrong usage.`,
    );
  return withCommonOptions(command).action(async (options: ReportOptions) => {
    if (options.from !== undefined && options.to !== undefined && options.from >= options.to)
      throw new UsageError("--from must be before --to");
    const { report } = await import("../report/run.ts");
    process.exitCode = await report(options);
  });
}

function days(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > MOST_DAYS)
    throw new InvalidArgumentError(`must be a whole number from 1 to ${MOST_DAYS}`);
  return value;
}

function date(text: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError("must be a day such as 2026-11-01");
  return at / 1000;
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text, "i");
  } catch (error) {
    throw new InvalidArgumentError(`is no regular expression: ${(error as Error).message}`);
  }
}
