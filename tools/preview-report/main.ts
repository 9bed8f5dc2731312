import { readFileSync } from "node:fs";
import { Command } from "commander";
import { readEvents } from "./events.ts";
import { markdown } from "./report.ts";

const program = new Command("npm run -s preview:report --")
  .description("a preview as the comment of a pull request: plan, cost before and after, violations, exceptions")
  .argument("<event-log>", "written by PULUMI_DEBUG_COMMANDS=true pulumi preview --event-log FILE")
  .option("--stack <name>", "name of the stack, for the heading", "dev")
  .option("--markdown", "Markdown (the default)")
  .option("--json", "what was read, as JSON")
  .action((file: string, options: { stack: string; json?: boolean }) => {
    const preview = readEvents(readFileSync(file, "utf8"));
    process.stdout.write(options.json ? `${JSON.stringify(preview)}\n` : markdown(preview, options.stack));
  });

await program.parseAsync();
