import { styleText } from "node:util";
import { confirm, isCancel } from "@clack/prompts";
import Table from "cli-table3";

/** What a command ends with. */
export const EXIT = { ok: 0, failure: 1, usage: 2, partial: 3 } as const;

/** The command line itself is wrong, or asks for something that cannot be had this way. */
export class UsageError extends Error {}

type Style = Parameters<typeof styleText>[0];

/** Coloured on a terminal only; NO_COLOR is respected. */
export function coloured(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout, validateStream: true });
}

/** Progress goes beside the result, so that the result can be piped. */
export function progress(line: string): void {
  process.stderr.write(`${line.trimEnd()}\n`);
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  lines.push(...rows.map((row) => [...row]));
  return lines.toString();
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** @throws UsageError where nobody can be asked */
export async function confirmed(question: string, yes: boolean | undefined): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) throw new UsageError(`${question}\nNobody can be asked here: say --yes to go on.`);
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr });
  return !isCancel(answer) && answer;
}
