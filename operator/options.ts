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

export interface ChangingOptions extends CommonOptions {
  yes?: boolean;
}

/** For commands that change something: they ask first. */
export function withYes(command: Command): Command {
  return withCommonOptions(command.option("--yes", "do not ask"));
}

export function count(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number <= 1000) return number;
  throw new InvalidArgumentError("is no number of workers from 0 to 1000.");
}

/** For the record: what a person typed. */
export function typed(argv: readonly string[] = process.argv): string {
  return `vast-fleet ${argv.slice(2).join(" ")}`;
}
