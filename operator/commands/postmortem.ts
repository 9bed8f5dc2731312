import { Command } from "commander";
import { withCommonOptions } from "../options.ts";
import type { PostmortemOptions } from "../watch/postmortem.ts";

export function postmortemCommand(): Command {
  const command = new Command("postmortem")
    .description("an incident report in Markdown from what was recorded: cause, duration, cost, resolution, prevention")
    .argument("[prefix]", "only this fleet, or workers with a name that begins so")
    .option("--since <time>", "ISO time; default: a day ago")
    .option("--until <time>", "ISO time; default: now")
    .option("--out <file>", "write it there")
    .addHelpText(
      "after",
      `
Examples:
  vast-fleet postmortem
  vast-fleet postmortem trainer --since 2026-11-24T00:00:00Z --out incident.md

Exit code: 0 ok, 1 it failed, 2 wrong usage.`,
    );
  return withCommonOptions(command).action(async (prefix: string | undefined, options: PostmortemOptions) => {
    const { postmortem } = await import("../watch/postmortem.ts");
    process.exitCode = await postmortem(prefix, options);
  });
}
