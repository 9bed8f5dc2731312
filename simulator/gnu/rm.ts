import { posix } from "node:path";
import type { Files, Outcome } from "./files.ts";
import { type OptionTable, parseOptions } from "./options.ts";

const TABLE: OptionTable = {
  short: { r: "recursive", R: "recursive", f: "force", v: "verbose", d: "dir", i: "interactive", I: "interactive" },
  long: {
    recursive: "recursive",
    force: "force",
    verbose: "verbose",
    dir: "dir",
    interactive: "interactive",
    "preserve-root": "preserve-root",
    "no-preserve-root": "no-preserve-root",
    "one-file-system": "one-file-system",
  },
  valued: [],
  optionalValue: ["interactive", "preserve-root"],
};

export function rm(files: Files, words: readonly string[]): Outcome {
  const { options, operands } = parseOptions("rm", TABLE, words);
  const output: string[] = [];
  let exitCode = 0;
  if (operands.length === 0 && !options.has("force")) {
    return { output: "rm: missing operand\nTry 'rm --help' for more information.\n", exitCode: 1 };
  }
  for (const operand of operands) {
    const problem = removeOne(files, operand, options, output);
    if (problem === undefined) continue;
    exitCode = 1;
    output.push(`rm: ${problem}\n`);
  }
  return { output: output.join(""), exitCode };
}

function removeOne(files: Files, operand: string, options: Map<string, string>, output: string[]): string | undefined {
  const shown = files.shown(operand);
  const clean = posix.normalize(`/${operand}`);
  if (clean === "/") return `it is dangerous to operate recursively on '${shown}'`;
  let isDirectory: boolean;
  try {
    isDirectory = files.stat(clean).isDirectory();
  } catch {
    return options.has("force") ? undefined : `cannot remove '${shown}': No such file or directory`;
  }
  if (files.isMountPoint(clean.replace(/\/$/, ""))) return `cannot remove '${shown}': Device or resource busy`;
  if (isDirectory && !options.has("recursive")) {
    if (!options.has("dir")) return `cannot remove '${shown}': Is a directory`;
    if (files.list(clean).length > 0) return `cannot remove '${shown}': Directory not empty`;
  }
  files.remove(clean);
  if (options.has("verbose")) output.push(`removed ${isDirectory ? "directory " : ""}'${shown}'\n`);
  return undefined;
}
