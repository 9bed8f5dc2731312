import { Command, InvalidArgumentError } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export interface LogsOptions extends CommonOptions {
  tail: number;
  filter?: string;
  daemon?: boolean;
}

export function logsCommand(): Command {
  const command = new Command("logs")
    .description("the end of a worker's log, or of its host's (boot and image pull), without SSH")
    .argument("<worker>", "its label, or the id of any contract of the account")
    .option("--tail <lines>", "lines from the end", lines, 100)
    .option("--filter <text>", "only lines with this text, of those")
    .option("--daemon", "the host's own log: image pull, boot, cloud copies")
    .addHelpText(
      "after",
      `
Examples:
  vast-fleet logs trainer-worker-0 --tail 50
  vast-fleet logs 36700002 --daemon
  vast-fleet logs trainer-worker-0 --filter games/s

Exit code: 0 ok, 1 it failed (the host gives no log), 2 wrong usage.`,
    );
  return withCommonOptions(command).action(async (worker: string, options: LogsOptions) => {
    const { logs } = await import("../logs.ts");
    process.exitCode = await logs(worker, options);
  });
}

function lines(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("is no number of lines.");
  return Number(text);
}
