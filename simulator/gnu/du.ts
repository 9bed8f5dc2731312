import { posix } from "node:path";
import type { Files, Outcome } from "./files.ts";
import { reason } from "./files.ts";
import { formatTime, humanSize } from "./format.ts";
import { type OptionTable, parseOptions, UsageError } from "./options.ts";

const TABLE: OptionTable = {
  short: {
    a: "all",
    b: "bytes",
    s: "summarize",
    h: "human",
    k: "kib",
    m: "mib",
    d: "max-depth",
    c: "total",
    x: "one-file-system",
    "0": "null",
    B: "block-size",
    S: "separate-dirs",
  },
  long: {
    all: "all",
    bytes: "bytes",
    summarize: "summarize",
    "human-readable": "human",
    "apparent-size": "apparent",
    time: "time",
    "time-style": "time-style",
    "max-depth": "max-depth",
    total: "total",
    "one-file-system": "one-file-system",
    null: "null",
    "block-size": "block-size",
    "separate-dirs": "separate-dirs",
  },
  valued: ["time-style", "max-depth", "block-size"],
  optionalValue: ["time"],
};

interface Size {
  bytes: number;
  mtimeNs: bigint;
}

interface Report {
  files: Files;
  has: (option: string) => boolean;
  unit: number | "human";
  maxDepth: number;
  timeStyle: string;
  lines: string[];
  errors: string[];
}

export function du(files: Files, words: readonly string[]): Outcome {
  const { options, operands } = parseOptions("du", TABLE, words);
  const has = (option: string): boolean => options.has(option);
  if (has("all") && has("summarize")) throw new UsageError("du: cannot both summarize and show all entries\n");
  const depth = has("summarize") ? 0 : has("max-depth") ? Number(options.get("max-depth")) : Number.POSITIVE_INFINITY;
  if (Number.isNaN(depth)) throw new UsageError(`du: invalid maximum depth '${options.get("max-depth")}'\n`);
  const timeStyle = options.get("time-style") ?? "long-iso";
  const report: Report = { files, has, unit: unitOf(options), maxDepth: depth, timeStyle, lines: [], errors: [] };
  let total: Size = { bytes: 0, mtimeNs: 0n };
  for (const operand of operands.length > 0 ? operands : ["/"]) {
    try {
      total = plus(total, measure(report, operand, files.shown(operand), 0));
    } catch (error) {
      report.errors.push(`du: cannot access '${files.shown(operand)}': ${reason(error)}`);
    }
  }
  if (has("total")) report.lines.push(line(report, total, "total"));
  const end = has("null") ? "\0" : "\n";
  const output = report.errors.map((text) => `${text}\n`).join("") + report.lines.map((text) => text + end).join("");
  return { output, exitCode: report.errors.length > 0 ? 1 : 0 };
}

function unitOf(options: Map<string, string>): number | "human" {
  if (options.has("human")) return "human";
  if (options.has("bytes")) return 1;
  if (options.has("mib")) return 2 ** 20;
  const block = /^(\d*)([KMG]?)$/.exec(options.get("block-size") ?? "1K");
  if (!block) throw new UsageError(`du: invalid --block-size argument '${options.get("block-size")}'\n`);
  return Number(block[1] || 1) * { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[block[2] as "" | "K" | "M" | "G"];
}

/** Depth first, a directory after what is in it; its time is the newest inside. */
function measure(report: Report, path: string, shown: string, depth: number): Size {
  const stats = report.files.stat(path);
  const apparent = report.has("apparent") || report.has("bytes");
  const own: Size = { bytes: apparent ? Number(stats.size) : Number(stats.blocks) * 512, mtimeNs: stats.mtimeNs };
  if (!stats.isDirectory()) {
    if (depth === 0 || (report.has("all") && depth <= report.maxDepth)) report.lines.push(line(report, own, shown));
    return own;
  }
  let sum = own;
  let inDirectory = own;
  for (const name of report.files.list(path)) {
    const inside = posix.join(path, name);
    const size = measure(report, inside, shown.endsWith("/") ? shown + name : `${shown}/${name}`, depth + 1);
    sum = plus(sum, size);
    if (!report.files.stat(inside).isDirectory()) inDirectory = plus(inDirectory, size);
  }
  const told = report.has("separate-dirs") ? inDirectory : sum;
  if (depth <= report.maxDepth) report.lines.push(line(report, told, shown));
  return sum;
}

function plus(a: Size, b: Size): Size {
  return { bytes: a.bytes + b.bytes, mtimeNs: a.mtimeNs > b.mtimeNs ? a.mtimeNs : b.mtimeNs };
}

function line(report: Report, size: Size, shown: string): string {
  const amount = report.unit === "human" ? humanSize(size.bytes) : String(Math.ceil(size.bytes / report.unit));
  const time = report.has("time") ? [formatTime(report.timeStyle, size.mtimeNs, report.files.now)] : [];
  return [amount, ...time, shown].join("\t");
}
