import { createHash } from "node:crypto";
import { posix } from "node:path";
import { du } from "../gnu/du.ts";
import { reason } from "../gnu/files.ts";
import { ls } from "../gnu/ls.ts";
import { rm } from "../gnu/rm.ts";
import { find } from "./find.ts";
import { df, free, hostname, nvidiaSmi, ps, uptime } from "./health.ts";
import { type Context, fail, out, type Program, type Result } from "./shell.ts";

/** Paths are taken from the working directory; options stay as they are. */
export function absolute(context: Context, words: readonly string[]): string[] {
  return words.map((word) => (word.startsWith("-") || word.startsWith("/") ? word : posix.join(context.cwd, word)));
}

function gnu(
  program: (files: Context["files"], words: readonly string[]) => { output: string; exitCode: number },
): Program {
  return (context, words) => {
    const paths = words.filter((word) => !word.startsWith("-"));
    // Without a path they look at the working directory; relative paths are printed as they were given.
    const given = new Map(paths.map((path) => [posix.join(context.cwd, path), path]));
    const files = { ...context.files, shown: (path: string) => given.get(path) ?? path };
    const all = paths.length > 0 ? words : [...words, context.cwd];
    const { output, exitCode } = program(files, absolute(context, all));
    return exitCode === 0 ? out(output) : { stdout: Buffer.from(output), stderr: "", exitCode };
  };
}

/** Contents of each operand, or of the input where there is none. */
function contents(
  context: Context,
  name: string,
  paths: readonly string[],
): { parts: [string, Buffer][]; errors: string } {
  if (paths.length === 0) return { parts: [["-", context.stdin]], errors: "" };
  const parts: [string, Buffer][] = [];
  let errors = "";
  for (const path of paths) {
    const full = path.startsWith("/") ? path : posix.join(context.cwd, path);
    try {
      if (context.files.stat(full).isDirectory()) errors += `${name}: ${path}: Is a directory\n`;
      else parts.push([path, context.world.disks.read(context.contract, full)]);
    } catch (error) {
      errors += `${name}: ${path}: ${reason(error)}\n`;
    }
  }
  return { parts, errors };
}

function operands(words: readonly string[], valued: readonly string[] = []): string[] {
  return words.filter((word, index) => !word.startsWith("-") && !valued.includes(words[index - 1] ?? ""));
}

const cat: Program = (context, words) => {
  const { parts, errors } = contents(context, "cat", operands(words));
  return out(Buffer.concat(parts.map(([, data]) => data)), errors === "" ? 0 : 1, errors);
};

const sha256sum: Program = (context, words) => {
  const { parts, errors } = contents(context, "sha256sum", operands(words));
  const end = words.includes("-z") ? "\0" : "\n";
  const lines = parts.map(([path, data]) => `${createHash("sha256").update(data).digest("hex")}  ${path}${end}`);
  return out(lines.join(""), errors === "" ? 0 : 1, errors);
};

/** head and tail: -n N, -N, -c N; several files get headings. */
function ends(name: "head" | "tail"): Program {
  return (context, words) => {
    const { parts, errors } = contents(context, name, operands(words, ["-n", "-c", "--lines", "--bytes"]));
    const bytes = amount(words, "-c", "--bytes");
    const lines = amount(words, "-n", "--lines") ?? shorthand(words) ?? 10;
    const pick = (data: Buffer): Buffer => {
      if (bytes !== undefined) return name === "head" ? data.subarray(0, bytes) : data.subarray(-bytes);
      const all = data.toString("utf8").match(/[^\n]*\n|[^\n]+$/g) ?? [];
      return Buffer.from((name === "head" ? all.slice(0, lines) : all.slice(-lines)).join(""));
    };
    const chunks = parts.map(([path, data], index) => {
      const heading = parts.length > 1 ? `${index > 0 ? "\n" : ""}==> ${path} <==\n` : "";
      return Buffer.concat([Buffer.from(heading), pick(data)]);
    });
    return out(Buffer.concat(chunks), errors === "" ? 0 : 1, errors);
  };
}

function amount(words: readonly string[], short: string, long: string): number | undefined {
  for (const [index, word] of words.entries()) {
    if (word === short || word === long) return Number(words[index + 1]);
    if (word.startsWith(short) && word.length > 2) return Number(word.slice(2));
    if (word.startsWith(`${long}=`)) return Number(word.slice(long.length + 1));
  }
  return undefined;
}

function shorthand(words: readonly string[]): number | undefined {
  const word = words.find((candidate) => /^-\d+$/.test(candidate));
  return word === undefined ? undefined : Number(word.slice(1));
}

const grep: Program = (context, words) => {
  const [pattern = "", ...paths] = operands(words);
  const flags = words.filter((word) => /^-[a-zA-Z]+$/.test(word)).join("");
  const { parts, errors } = contents(context, "grep", paths);
  let expression: RegExp;
  try {
    expression = new RegExp(
      flags.includes("F") ? pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&") : pattern,
      flags.includes("i") ? "i" : "",
    );
  } catch {
    return fail(`grep: invalid pattern '${pattern}'\n`, 2);
  }
  const lines = parts.flatMap(([, data]) => data.toString("utf8").split("\n").slice(0, -1));
  const found = lines.filter((line) => expression.test(line) !== flags.includes("v"));
  const text = flags.includes("c") ? `${found.length}\n` : found.map((line) => `${line}\n`).join("");
  return out(flags.includes("q") ? "" : text, found.length > 0 ? 0 : 1, errors);
};

const wc: Program = (context, words) => {
  const { parts, errors } = contents(context, "wc", operands(words));
  const rows = parts.map(([path, data]) => {
    const newlines = data.toString("latin1").split("\n").length - 1;
    const value = words.includes("-l")
      ? `${newlines}`
      : words.includes("-c")
        ? `${data.length}`
        : `${newlines} ${data.length}`;
    return path === "-" ? `${value}\n` : `${value} ${path}\n`;
  });
  return out(rows.join(""), errors === "" ? 0 : 1, errors);
};

const sort: Program = (context, words) => {
  const { parts, errors } = contents(context, "sort", operands(words));
  const lines = Buffer.concat(parts.map(([, data]) => data))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
  lines.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  if (words.includes("-r")) lines.reverse();
  return out(lines.map((line) => `${line}\n`).join(""), errors === "" ? 0 : 1, errors);
};

const xargs: Program = (context, words) => {
  const zero = words[0] === "-0" || words[0] === "--null";
  const command = zero ? words.slice(1) : words;
  const text = context.stdin.toString("utf8");
  const items = text.split(zero ? "\0" : /\s+/).filter((item) => item !== "");
  if (items.length === 0 || command.length === 0) return out("");
  return context.run([...command, ...items], Buffer.alloc(0));
};

/** `test -f`, `-d`, `-e`, `-s`: whether a path is there. */
const test: Program = (context, words) => {
  const [flag, path] = words.filter((word) => word !== "]");
  try {
    const stats = context.files.stat(posix.resolve(context.cwd, path ?? ""));
    const holds = flag === "-e" || (flag === "-f" && stats.isFile()) || (flag === "-d" && stats.isDirectory());
    return out("", holds || (flag === "-s" && stats.size > 0n) ? 0 : 1);
  } catch {
    return out("", 1);
  }
};

const stat: Program = (context, words) => {
  const format = words.find((_, index) => words[index - 1] === "-c" || words[index - 1] === "--format") ?? "%n";
  const { errors } = { errors: [] as string[] };
  const lines = operands(words, ["-c", "--format"]).flatMap((path) => {
    try {
      const stats = context.files.stat(posix.resolve(context.cwd, path));
      const seconds = String(stats.mtimeNs / 1_000_000_000n);
      return [format.replaceAll("%n", path).replaceAll("%s", String(stats.size)).replaceAll("%Y", seconds)];
    } catch (error) {
      errors.push(`stat: cannot statx '${path}': ${reason(error)}\n`);
      return [];
    }
  });
  return out(lines.map((line) => `${line}\n`).join(""), errors.length === 0 ? 0 : 1, errors.join(""));
};

function date(context: Context, words: readonly string[]): Result {
  const { now } = context.world;
  const format = words.find((word) => word.startsWith("+"));
  if (format === "+%s") return out(`${Math.floor(now)}\n`);
  return out(`${new Date(now * 1000).toUTCString()}\n`);
}

export const PROGRAMS: Readonly<Record<string, Program>> = {
  ls: gnu(ls),
  du: gnu(du),
  rm: gnu(rm),
  cat,
  head: ends("head"),
  tail: ends("tail"),
  grep,
  wc,
  sort,
  xargs,
  find,
  stat,
  sha256sum,
  test,
  "[": test,
  date,
  df,
  free,
  hostname,
  "nvidia-smi": nvidiaSmi,
  ps,
  uptime,
  echo: (_, words) => out(`${words.join(" ")}\n`),
  true: () => out(""),
  false: () => out("", 1),
  pwd: (context) => out(`${context.cwd}\n`),
  whoami: () => out("root\n"),
};
