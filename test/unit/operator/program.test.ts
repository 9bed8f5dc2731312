import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { expect, test, vi } from "vitest";
import { vastFleet } from "../../../operator/program.ts";

const program = vastFleet();
/** Those that the help shows. */
const commands = program
  .createHelp()
  .visibleCommands(program)
  .filter((command) => command.name() !== "help");
const working = commands.filter((command) => command.name() !== "completion");
const byName = (list: readonly Command[]) => list.map((command) => [command.name(), command] as const);

/** Sections of the pages on vast-fleet, with their headings. */
const SECTIONS = ["operator", "operator-scale", "operator-watch"].flatMap((page) => {
  const text = readFileSync(join(import.meta.dirname, `../../../docs/${page}.md`), "utf8");
  return text.split(/^## /m).slice(1);
});

function helpOf(command: Command): string {
  const pieces: string[] = [];
  command.configureOutput({ writeOut: (piece) => void pieces.push(piece) });
  command.outputHelp();
  return pieces.join("");
}

function completed(...words: string[]): string[] {
  const lines: string[] = [];
  const print = vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  vastFleet().parse(["node", "vast-fleet", "complete", "--", ...words]);
  print.mockRestore();
  return lines.map((line) => line.split("\t")[0] ?? "");
}

test.each(byName(commands))(
  "the help of %s has examples that call it, and says what each exit code means",
  (name, command) => {
    const help = helpOf(command);
    const [, examples = ""] = /\nExamples:\n([\s\S]*?)\n\n/.exec(help) ?? [];
    expect(examples).toMatch(new RegExp(`vast-fleet ${name}\\b`));
    expect(help).toMatch(/^Exit code: 0 .*2 wrong usage/m);
  },
);

test.each(byName(working))("%s has --json, and a section of the documentation with its shape", (name, command) => {
  expect(command.options.map(({ long }) => long)).toEqual(expect.arrayContaining(["--json", "--stack", "--cwd"]));
  const heading = new RegExp(`(^|, )${name}\\b(?!-)`);
  const own = SECTIONS.filter((section) => heading.test(section.split("\n")[0] ?? ""));
  expect(own).toHaveLength(1);
  expect(own[0]).toMatch(/JSON/);
});

test("completion knows every command", () => {
  expect(completed("")).toEqual(expect.arrayContaining(commands.map((command) => command.name())));
});

test.each(byName(working))("completion knows every option of %s", (name, command) => {
  const options = command.options.flatMap(({ long }) => long ?? []);
  expect(completed(name, "--")).toEqual(expect.arrayContaining(options));
});
