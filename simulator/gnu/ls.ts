import type { BigIntStats } from "node:fs";
import { posix } from "node:path";
import type { Files, Outcome } from "./files.ts";
import { reason } from "./files.ts";
import { formatTime, humanSize, type QuotingStyle, quoteName, quotingStyle } from "./format.ts";
import { type OptionTable, parseOptions } from "./options.ts";

const TABLE: OptionTable = {
  short: {
    l: "long",
    a: "all",
    A: "almost-all",
    R: "recursive",
    n: "numeric",
    "1": "one",
    h: "human",
    Q: "quote-name",
    b: "escape",
    N: "literal",
    d: "directory",
    t: "by-time",
    S: "by-size",
    r: "reverse",
    p: "slash",
    F: "classify",
    s: "blocks",
    i: "inode",
    k: "kibibytes",
    U: "unsorted",
    g: "no-owner",
    o: "no-group",
    G: "no-group-column",
  },
  long: {
    all: "all",
    "almost-all": "almost-all",
    recursive: "recursive",
    "numeric-uid-gid": "numeric",
    "human-readable": "human",
    "quote-name": "quote-name",
    escape: "escape",
    literal: "literal",
    directory: "directory",
    reverse: "reverse",
    classify: "classify",
    size: "blocks",
    inode: "inode",
    kibibytes: "kibibytes",
    "time-style": "time-style",
    "full-time": "full-time",
    "quoting-style": "quoting-style",
    sort: "sort",
    color: "color",
    format: "format",
    "no-group": "no-group-column",
    "group-directories-first": "directories-first",
  },
  valued: ["time-style", "quoting-style", "sort", "format"],
  optionalValue: ["color", "classify"],
};

interface Entry {
  name: string;
  path: string;
  stats: BigIntStats;
}

interface Style {
  has: (option: string) => boolean;
  long: boolean;
  quoting: QuotingStyle;
  timeStyle: string;
}

export function ls(files: Files, words: readonly string[]): Outcome {
  const { options, operands } = parseOptions("ls", TABLE, words);
  const style = styleOf(options);
  const errors: string[] = [];
  const named = stat(files, operands.length > 0 ? operands : ["/"], errors);
  const opens = (entry: Entry): boolean => entry.stats.isDirectory() && !style.has("directory");
  const single = named.filter((entry) => !opens(entry));
  const lines = [
    ...render(files, sorted(single, style), style),
    ...listFolders(files, named.filter(opens), style, single.length + operands.length > 1, errors),
  ];
  const blank = lines[0] === "" ? lines.slice(1) : lines;
  const output = [...errors, ...blank].map((line) => `${line}\n`).join("");
  return { output, exitCode: errors.length > 0 ? 2 : 0 };
}

function stat(files: Files, operands: readonly string[], errors: string[]): Entry[] {
  return operands.flatMap((operand) => {
    try {
      return [{ name: files.shown(operand), path: operand, stats: files.stat(operand) }];
    } catch (error) {
      errors.push(`ls: cannot access '${files.shown(operand)}': ${reason(error)}`);
      return [];
    }
  });
}

/** Each folder below its own heading where there are several. */
function listFolders(files: Files, folders: Entry[], style: Style, several: boolean, errors: string[]): string[] {
  const lines: string[] = [];
  const queue = sorted(folders, style);
  for (let folder = queue.shift(); folder; folder = queue.shift()) {
    if (several || style.has("recursive")) lines.push("", `${quoteName(folder.name, style.quoting)}:`);
    const entries = read(files, folder.path, style, errors);
    if (style.long || style.has("blocks")) lines.push(`total ${totalBlocks(entries, style)}`);
    lines.push(...render(files, entries, style));
    if (style.has("recursive")) queue.unshift(...below(files, folder, entries));
  }
  return lines;
}

function styleOf(options: Map<string, string>): Style {
  const has = (option: string): boolean => options.has(option);
  const quoting = has("quoting-style")
    ? quotingStyle("ls", options.get("quoting-style") ?? "")
    : has("quote-name")
      ? "c"
      : has("escape")
        ? "escape"
        : "literal";
  return {
    has,
    long: ["long", "numeric", "full-time", "no-owner", "no-group"].some(has) || options.get("format") === "long",
    quoting,
    timeStyle: has("time-style") ? (options.get("time-style") ?? "") : has("full-time") ? "full-iso" : "locale",
  };
}

function read(files: Files, path: string, style: Style, errors: string[]): Entry[] {
  const names = files.list(path).filter((name) => !name.startsWith(".") || style.has("all") || style.has("almost-all"));
  const entries: Entry[] = [];
  for (const name of names) {
    const inside = posix.join(path, name);
    try {
      entries.push({ name, path: inside, stats: files.stat(inside) });
    } catch (error) {
      errors.push(`ls: cannot access '${files.shown(inside)}': ${reason(error)}`);
    }
  }
  const ordered = sorted(entries, style);
  if (!style.has("all")) return ordered;
  const parent = posix.dirname(path);
  return [
    { name: ".", path, stats: files.stat(path) },
    { name: "..", path: parent, stats: files.stat(parent) },
    ...ordered,
  ];
}

function below(files: Files, folder: Entry, entries: readonly Entry[]): Entry[] {
  return entries
    .filter((entry) => entry.stats.isDirectory() && entry.name !== "." && entry.name !== "..")
    .map((entry) => ({ ...entry, name: files.shown(posix.join(folder.path, entry.name)) }));
}

/** Byte order, as in the C locale. */
function sorted(entries: readonly Entry[], style: Style): Entry[] {
  if (style.has("unsorted")) return [...entries];
  const byName = (a: Entry, b: Entry): number => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
  const descending = (a: bigint, b: bigint): number => (a === b ? 0 : a > b ? -1 : 1);
  const order = [...entries].sort((a, b) => {
    if (style.has("by-time")) return descending(a.stats.mtimeNs, b.stats.mtimeNs) || byName(a, b);
    if (style.has("by-size")) return descending(a.stats.size, b.stats.size) || byName(a, b);
    return byName(a, b);
  });
  return style.has("reverse") ? order.reverse() : order;
}

function totalBlocks(entries: readonly Entry[], style: Style): string {
  const blocks = entries.reduce((sum, entry) => sum + Number(entry.stats.blocks), 0);
  return style.has("human") ? humanSize(blocks * 512) : String(Math.ceil(blocks / 2));
}

function render(files: Files, entries: readonly Entry[], style: Style): string[] {
  const rows = entries.map((entry) => columnsOf(files, entry, style));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.text.length ?? 0)));
  return rows.map((row, index) => {
    const cells = row.map(({ text, left }, column) =>
      left ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
    );
    return [...cells, nameOf(files, entries[index] as Entry, style)].join(" ");
  });
}

interface Cell {
  text: string;
  left?: boolean;
}

function columnsOf(files: Files, { stats }: Entry, style: Style): Cell[] {
  const cells: Cell[] = [];
  if (style.has("inode")) cells.push({ text: String(stats.ino) });
  if (style.has("blocks")) {
    cells.push({ text: style.has("human") ? humanSize(Number(stats.blocks) * 512) : String(Number(stats.blocks) / 2) });
  }
  if (!style.long) return cells;
  cells.push({ text: modeText(stats), left: true }, { text: String(stats.nlink) });
  // Containers run as root.
  const root = style.has("numeric") ? "0" : "root";
  if (!style.has("no-owner")) cells.push({ text: root, left: true });
  if (!style.has("no-group") && !style.has("no-group-column")) cells.push({ text: root, left: true });
  cells.push({ text: style.has("human") ? humanSize(Number(stats.size)) : String(stats.size) });
  cells.push({ text: formatTime(style.timeStyle, stats.mtimeNs, files.now), left: true });
  return cells;
}

function nameOf(files: Files, entry: Entry, style: Style): string {
  const quoted = quoteName(entry.name, style.quoting);
  const slash = entry.stats.isDirectory() && (style.has("slash") || style.has("classify")) ? "/" : "";
  if (style.long && entry.stats.isSymbolicLink()) {
    return `${quoted} -> ${quoteName(files.linkTarget(entry.path), style.quoting)}`;
  }
  return quoted + slash;
}

export function modeText(stats: BigIntStats): string {
  const type = stats.isDirectory() ? "d" : stats.isSymbolicLink() ? "l" : "-";
  const mode = Number(stats.mode);
  const bits = [0o400, 0o200, 0o100, 0o40, 0o20, 0o10, 0o4, 0o2, 0o1];
  return type + bits.map((bit, index) => ((mode & bit) === 0 ? "-" : "rwx"[index % 3])).join("");
}
