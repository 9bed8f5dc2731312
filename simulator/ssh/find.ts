import { posix } from "node:path";
import { reason } from "../gnu/files.ts";
import { type Context, out, type Program, type Result } from "./shell.ts";

interface Found {
  path: string;
  /** Relative to the starting point, for %P. */
  below: string;
  size: bigint;
  mtimeNs: bigint;
  isDirectory: boolean;
}

/** The part of find that lists files: -type, -name, -maxdepth, -print0, -printf, -exec … + and \;. */
export const find: Program = (context, words) => {
  const firstTest = words.findIndex((word) => word.startsWith("-") || word === "(" || word === "!");
  const starts = firstTest < 0 ? words : words.slice(0, firstTest);
  const tests = firstTest < 0 ? [] : words.slice(firstTest);
  const value = (name: string): string | undefined => {
    const index = tests.indexOf(name);
    return index < 0 ? undefined : tests[index + 1];
  };
  const errors: string[] = [];
  const maxDepth = Number(value("-maxdepth") ?? Number.POSITIVE_INFINITY);
  const all = (starts.length > 0 ? starts : ["."]).flatMap((start) => walk(context, start, "", maxDepth, errors));
  const found = all.filter((entry) => matches(entry, value("-type"), value("-name")));
  const result = act(context, tests, found, value("-printf"));
  return { ...result, stderr: errors.join("") + result.stderr, exitCode: errors.length > 0 ? 1 : result.exitCode };
};

function walk(context: Context, start: string, below: string, depth: number, errors: string[]): Found[] {
  const path = below === "" ? start : `${start.replace(/\/$/, "")}/${below}`;
  const real = posix.resolve(context.cwd, path);
  try {
    const stats = context.files.stat(real);
    const own = { path, below, size: stats.size, mtimeNs: stats.mtimeNs, isDirectory: stats.isDirectory() };
    if (!own.isDirectory || depth <= 0) return [own];
    const names = context.files.list(real);
    return [own, ...names.flatMap((name) => walk(context, start, posix.join(below, name), depth - 1, errors))];
  } catch (error) {
    errors.push(`find: '${path}': ${reason(error)}\n`);
    return [];
  }
}

function matches(entry: Found, type: string | undefined, name: string | undefined): boolean {
  if (type === "f" && entry.isDirectory) return false;
  if (type === "d" && !entry.isDirectory) return false;
  if (name === undefined) return true;
  const pattern = name
    .replaceAll(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${pattern}$`).test(posix.basename(entry.path));
}

function act(context: Context, tests: readonly string[], found: readonly Found[], format: string | undefined): Result {
  if (format !== undefined) return out(found.map((entry) => printf(format, entry)).join(""));
  const exec = tests.indexOf("-exec");
  if (exec < 0) {
    const end = tests.includes("-print0") ? "\0" : "\n";
    return out(found.map((entry) => entry.path + end).join(""));
  }
  const stop = tests.findIndex((word, index) => index > exec && (word === "+" || word === ";"));
  const command = tests.slice(exec + 1, stop < 0 ? tests.length : stop);
  const paths = found.map((entry) => entry.path);
  if (paths.length === 0) return out("");
  if (tests[stop] === "+") {
    return context.run(
      command.flatMap((word) => (word === "{}" ? paths : [word])),
      Buffer.alloc(0),
    );
  }
  const results = paths.map((path) =>
    context.run(
      command.map((word) => (word === "{}" ? path : word)),
      Buffer.alloc(0),
    ),
  );
  return {
    stdout: Buffer.concat(results.map((result) => result.stdout)),
    stderr: results.map((result) => result.stderr).join(""),
    exitCode: 0,
  };
}

function printf(format: string, entry: Found): string {
  const seconds = entry.mtimeNs / 1_000_000_000n;
  const nanos = String(entry.mtimeNs % 1_000_000_000n).padStart(9, "0");
  const values: Readonly<Record<string, string>> = {
    "%p": entry.path,
    "%P": entry.below,
    "%f": posix.basename(entry.path),
    "%s": String(entry.size),
    "%T@": `${seconds}.${nanos}0`,
    "%y": entry.isDirectory ? "d" : "f",
    "%%": "%",
    "\\n": "\n",
    "\\t": "\t",
    "\\0": "\0",
  };
  return format.replaceAll(/%T@|%[pPfsy%]|\\[nt0]/g, (whole) => values[whole] ?? whole);
}
