import { type Command, InvalidArgumentError } from "commander";

/** What every command understands. */
export interface CommonOptions {
  cwd: string;
  stack?: string;
  json?: boolean;
}

export function withCommonOptions(command: Command): Command {
  return command
    .option("--stack <name>", "stack of the project; default: the selected one")
    .option("--cwd <folder>", "folder of the Pulumi project", process.cwd())
    .option("--json", "print the result as JSON, for programs");
}

export function contractId(text: string): number {
  if (!/^\d+$/.test(text))
    throw new InvalidArgumentError("is no contract or volume id; `vast-fleet status` prints them.");
  return Number(text);
}
