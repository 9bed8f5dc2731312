import { posix } from "node:path";
import type { Files } from "./files.ts";

export class BadCommandError extends Error {}

interface Word {
  text: string;
  /** Carries an unquoted * or ? or [. */
  pattern: boolean;
}

/** Splits a command as a shell would, with quotes and backslashes; anything that needs a real shell is refused. */
export function splitWords(command: string): Word[] {
  const reader = new WordReader();
  for (const token of command.match(/\\[\s\S]?|'[^']*'|"(?:\\[\s\S]|[^"\\])*"|\s+|[\s\S]/g) ?? []) reader.take(token);
  return reader.words();
}

class WordReader {
  readonly #done: Word[] = [];
  #current: Word | null = null;

  take(token: string): void {
    const first = token[0] as string;
    if (/\s/.test(first)) this.#finish();
    else if (first === "\\") this.#add(token.slice(1), false);
    else if (token.length > 1) this.#add(unquoted(token), false);
    else if (first === "'" || first === '"') throw new BadCommandError("a quote is not closed");
    else if (/[;|&$`<>()]/.test(first)) throw new BadCommandError(`'${first}' is not allowed`);
    else this.#add(first, /[*?[]/.test(first));
  }

  words(): Word[] {
    this.#finish();
    return this.#done;
  }

  #add(text: string, pattern: boolean): void {
    this.#current = { text: (this.#current?.text ?? "") + text, pattern: (this.#current?.pattern ?? false) || pattern };
  }

  #finish(): void {
    if (this.#current) this.#done.push(this.#current);
    this.#current = null;
  }
}

function unquoted(token: string): string {
  const inside = token.slice(1, -1);
  return token.startsWith('"') ? inside.replaceAll(/\\([\s\S])/g, "$1") : inside;
}

/** Names that match, or the pattern itself where none does. */
export function expand(files: Files, word: Word): string[] {
  if (!word.pattern || word.text.startsWith("-")) return [word.text];
  let found = ["/"];
  for (const part of posix
    .normalize(`/${word.text}`)
    .split("/")
    .filter((segment) => segment !== "")) {
    found = found.flatMap((folder) => childrenLike(files, folder, part));
  }
  return found.length > 0 ? found.sort() : [word.text];
}

function childrenLike(files: Files, folder: string, part: string): string[] {
  if (!/[*?[]/.test(part)) return exists(files, posix.join(folder, part)) ? [posix.join(folder, part)] : [];
  const pattern = new RegExp(
    `^${part
      .replaceAll(/[.+^${}()|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")
      .replaceAll("[!", "[^")}$`,
  );
  if (!exists(files, folder) || !files.stat(folder).isDirectory()) return [];
  return files
    .list(folder)
    .filter((name) => pattern.test(name) && (!name.startsWith(".") || part.startsWith(".")))
    .map((name) => posix.join(folder, name));
}

function exists(files: Files, path: string): boolean {
  try {
    files.stat(path);
    return true;
  } catch {
    return false;
  }
}
