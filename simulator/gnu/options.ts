/** GNU-style options: clustered short ones, long ones with unambiguous prefixes, `--` ends them. */
export interface OptionTable {
  /** Short letter → canonical name. */
  short: Readonly<Record<string, string>>;
  /** Long name → canonical name. */
  long: Readonly<Record<string, string>>;
  /** Canonical names that need a value. */
  valued: readonly string[];
  /** Canonical names that may have a value after "=". */
  optionalValue?: readonly string[];
}

export interface ParsedOptions {
  options: Map<string, string>;
  operands: string[];
}

export class UsageError extends Error {}

export function parseOptions(program: string, table: OptionTable, words: readonly string[]): ParsedOptions {
  const parsed: ParsedOptions = { options: new Map(), operands: [] };
  const rest = [...words];
  while (rest.length > 0) {
    const word = rest.shift() as string;
    if (word === "--") {
      parsed.operands.push(...rest);
      break;
    }
    if (word.startsWith("--")) readLong(program, table, word, rest, parsed);
    else if (word.startsWith("-") && word.length > 1) readShort(program, table, word, rest, parsed);
    else parsed.operands.push(word);
  }
  return parsed;
}

function readLong(program: string, table: OptionTable, word: string, rest: string[], parsed: ParsedOptions): void {
  const [name = "", ...valueParts] = word.slice(2).split("=");
  const given = valueParts.length > 0 ? valueParts.join("=") : undefined;
  const candidates = Object.keys(table.long).filter((long) => long.startsWith(name));
  const long = Object.hasOwn(table.long, name) ? name : candidates.length === 1 ? candidates[0] : undefined;
  const canonical = long === undefined ? undefined : table.long[long];
  if (canonical === undefined) throw usage(program, `unrecognized option '--${name}'`);
  if (table.valued.includes(canonical)) {
    const value = given ?? rest.shift();
    if (value === undefined) throw usage(program, `option '--${long}' requires an argument`);
    parsed.options.set(canonical, value);
  } else if (given !== undefined && !table.optionalValue?.includes(canonical)) {
    throw usage(program, `option '--${long}' doesn't allow an argument`);
  } else {
    parsed.options.set(canonical, given ?? "");
  }
}

function readShort(program: string, table: OptionTable, word: string, rest: string[], parsed: ParsedOptions): void {
  for (let index = 1; index < word.length; index += 1) {
    const letter = word[index] as string;
    const canonical = table.short[letter];
    if (canonical === undefined) throw usage(program, `invalid option -- '${letter}'`);
    if (!table.valued.includes(canonical)) {
      parsed.options.set(canonical, "");
      continue;
    }
    const value = word.slice(index + 1) || rest.shift();
    if (value === undefined) throw usage(program, `option requires an argument -- '${letter}'`);
    parsed.options.set(canonical, value);
    return;
  }
}

function usage(program: string, problem: string): UsageError {
  return new UsageError(`${program}: ${problem}\nTry '${program} --help' for more information.\n`);
}
