import { UsageError } from "./options.ts";

export type QuotingStyle =
  | "literal"
  | "c"
  | "escape"
  | "shell"
  | "shell-always"
  | "shell-escape"
  | "shell-escape-always";

const STYLES: readonly string[] = [
  "literal",
  "c",
  "escape",
  "shell",
  "shell-always",
  "shell-escape",
  "shell-escape-always",
];

export function quotingStyle(program: string, text: string): QuotingStyle {
  if (!STYLES.includes(text)) {
    throw new UsageError(`${program}: invalid argument '${text}' for '--quoting-style'\n`);
  }
  return text as QuotingStyle;
}

export function quoteName(name: string, style: QuotingStyle): string {
  switch (style) {
    case "literal":
      return name;
    case "c":
      return `"${escapeBytes(name, /["\\]/)}"`;
    case "escape":
      return escapeBytes(name, /[ \\]/);
    case "shell":
    case "shell-escape":
      return /^[\w@%+=:,./-]+$/.test(name) ? name : shellQuote(name);
    default:
      return shellQuote(name);
  }
}

function shellQuote(name: string): string {
  return `'${name.replaceAll("'", "'\\''")}'`;
}

const NAMED: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
};

/** C escapes as in the C locale: bytes outside printable ASCII in octal. */
function escapeBytes(name: string, special: RegExp): string {
  let text = "";
  for (const byte of Buffer.from(name)) {
    const char = String.fromCharCode(byte);
    if (NAMED[byte]) text += NAMED[byte];
    else if (byte < 0x20 || byte >= 0x7f) text += `\\${byte.toString(8).padStart(3, "0")}`;
    else text += special.test(char) ? `\\${char}` : char;
  }
  return text;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const HALF_YEAR_S = 15_778_476;

/** A file's time in one of GNU's styles; hosts run on UTC. */
export function formatTime(style: string, mtimeNs: bigint, now: number): string {
  const nanos = String(mtimeNs % 1_000_000_000n).padStart(9, "0");
  const seconds = Number(mtimeNs / 1_000_000_000n);
  if (style.startsWith("+")) return strftime(customFormat(style, seconds, now), seconds, nanos);
  switch (style.replace(/^posix-/, "")) {
    case "full-iso":
      return strftime("%Y-%m-%d %H:%M:%S.%N %z", seconds, nanos);
    case "long-iso":
      return strftime("%Y-%m-%d %H:%M", seconds, nanos);
    case "iso":
      return strftime(isRecent(seconds, now) ? "%m-%d %H:%M" : "%Y-%m-%d ", seconds, nanos);
    case "locale":
      return strftime(isRecent(seconds, now) ? "%b %e %H:%M" : "%b %e  %Y", seconds, nanos);
    default:
      throw new UsageError(`invalid argument '${style}' for 'time style'\n`);
  }
}

/** "+A<newline>B": A for files older than half a year, B for recent ones. */
function customFormat(style: string, seconds: number, now: number): string {
  const [first = "", second] = style.slice(1).split("\n");
  return second !== undefined && isRecent(seconds, now) ? second : first;
}

function isRecent(seconds: number, now: number): boolean {
  return seconds > now - HALF_YEAR_S && seconds <= now + 1;
}

function strftime(format: string, seconds: number, nanos: string): string {
  const date = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const parts: Record<string, string> = {
    Y: String(date.getUTCFullYear()),
    y: two(date.getUTCFullYear() % 100),
    m: two(date.getUTCMonth() + 1),
    d: two(date.getUTCDate()),
    e: String(date.getUTCDate()).padStart(2, " "),
    H: two(date.getUTCHours()),
    M: two(date.getUTCMinutes()),
    S: two(date.getUTCSeconds()),
    N: nanos,
    s: String(seconds),
    z: "+0000",
    Z: "UTC",
    b: MONTHS[date.getUTCMonth()] ?? "",
    a: DAYS[date.getUTCDay()] ?? "",
    F: date.toISOString().slice(0, 10),
    T: date.toISOString().slice(11, 19),
    R: date.toISOString().slice(11, 16),
    n: "\n",
    t: "\t",
    "%": "%",
  };
  return format.replaceAll(/%:?([A-Za-z%])/g, (whole, letter: string) => parts[letter] ?? whole);
}

const UNITS = ["K", "M", "G", "T", "P"];

/** -h: powers of 1024, one decimal below ten, always rounded up as GNU does. */
export function humanSize(bytes: number): string {
  if (bytes < 1024) return String(bytes);
  let value = bytes;
  let unit = -1;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const rounded = value < 10 ? (Math.ceil(value * 10) / 10).toFixed(1) : String(Math.ceil(value));
  return `${rounded === "10.0" ? "10" : rounded}${UNITS[unit]}`;
}
