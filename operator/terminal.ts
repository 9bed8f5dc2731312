import { stripVTControlCharacters, styleText } from "node:util";
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

/** Between two columns and around them. */
const BORDER = 3;
const NARROWEST = 8;

/** On a terminal it is as wide as that, the widest columns cut; piped it is whole. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const room = process.stdout.isTTY ? process.stdout.columns : undefined;
  const widths = room === undefined ? undefined : fitted(naturalWidths(head, rows), room);
  const lines = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    ...(widths ? { colWidths: widths.map((width) => width + 2) } : {}),
  });
  lines.push(...rows.map((row) => [...row]));
  return lines.toString();
}

function naturalWidths(head: readonly string[], rows: readonly (readonly string[])[]): number[] {
  const width = (text = "") =>
    Math.max(
      ...stripVTControlCharacters(text)
        .split("\n")
        .map((line) => line.length),
    );
  return head.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column]))));
}

/** Widths of columns that fit the room, the widest made narrower first; undefined when they do as they are. */
export function fitted(natural: readonly number[], room: number): number[] | undefined {
  const total = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width + BORDER, 1);
  if (total(natural) <= room) return undefined;
  const widths = [...natural];
  while (total(widths) > room && Math.max(...widths) > NARROWEST) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? NARROWEST) - 1;
  }
  return widths;
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
