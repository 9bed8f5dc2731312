import { LISTING_OPTIONS } from "../api/assumptions.ts";
import { VastError } from "../api/errors.ts";
import { execute } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { pollResult } from "../lifecycle/instance/wait.ts";

export interface DiskFile {
  /** Relative to the listed folder. */
  path: string;
  sizeBytes: number;
  /** Epoch seconds, whole. */
  mtimeS: number;
}

export interface DiskListing {
  /** The folder as the user named it. */
  root: string;
  /** False when the instance says that there is no such folder. */
  exists: boolean;
  files: DiskFile[];
  /** Links, sockets and the like: the copy tool passes over them. */
  skipped: string[];
}

/** Files below a folder of an instance, through the API's `execute`, which also works on a stopped one (vast-api.md 3.5). */
export async function listDisk(context: Context, instanceId: number, root: string): Promise<DiskListing> {
  const command = `ls ${LISTING_OPTIONS} ${root.includes(" ") ? `'${root}'` : root}`;
  const answer = await context.transport.call(execute, instanceId, command);
  const text = await pollResult(context, answer.result_url);
  if (text === undefined) {
    throw new VastError("unexpected", `the listing of ${root} on contract ${instanceId} never came`, {
      endpoint: "PUT /api/v0/instances/command/{id}/",
    });
  }
  return parseListing(root, text);
}

const ENTRY = /^\s*(\d+)\s+([a-z-])[rwxsStT-]{9}[.+@]?\s+\d+\s+\S+\s+\S+\s+(?:(\d+)|\d+,\s*\d+)\s+(-?\d+)\s+(".*)$/;
const HEADER = /^("?)(\/.*)\1:$/;
const TOTAL = /^total (\d+)$/;

/** One folder's part of the listing. */
interface Block {
  /** As the folder's total says; undefined until that line came. */
  total: number | undefined;
  /** As its entries add up to. */
  blocks: number;
}

/**
 * Parses `ls -lsARn --quoting-style=c --time-style=+%s`. The first header is the folder itself, however the host spells
 * its path; every line must be understood and every folder complete, since a file that is overlooked here would be
 * destroyed uncopied.
 */
export function parseListing(root: string, text: string): DiskListing {
  const listing: DiskListing = { root, exists: true, files: [], skipped: [] };
  const lines = text.split("\n").map((line) => line.trimEnd());
  const meaningful = lines.filter((line) => line !== "");
  if (meaningful.length === 1 && isMissing(root, meaningful[0] ?? "")) return { ...listing, exists: false };
  const target = meaningful.length === 1 ? targetOfLink(meaningful[0] ?? "") : undefined;
  if (target !== undefined)
    throw new VastError("blocked", `${root} is a link to ${target}, and the copy tool passes over links`, {
      fix: "name the folder that it points to in `copyOut.paths` and run `pulumi up`, then the same command again",
    });
  const base = headerPath(meaningful[0] ?? "");
  if (base === undefined) throw notUnderstood(root, meaningful[0] ?? "(empty)");
  const announced = new Set([""]);
  const blocks = new Map<string, Block>();
  let folder = "";
  for (const line of meaningful) {
    const header = headerPath(line);
    const total = TOTAL.exec(line)?.[1];
    if (header !== undefined) {
      folder = header.slice(base.length).replace(/^\//, "");
      blocks.set(folder, { total: undefined, blocks: 0 });
    } else if (total !== undefined) Object.assign(blocks.get(folder) ?? {}, { total: Number(total) });
    else addEntry(listing, announced, blocks.get(folder), folder, line);
  }
  for (const path of announced) assertComplete(root, path, blocks.get(path));
  return listing;
}

/** Blocks are rounded up entry by entry, so a whole folder adds up to its total or a little more. */
function assertComplete(root: string, folder: string, block: Block | undefined): void {
  if (block?.total !== undefined && block.blocks >= block.total) return;
  throw new VastError("unexpected", `the listing of ${root} is cut short in ${folder === "" ? "it" : folder}`, {
    endpoint: "PUT /api/v0/instances/command/{id}/",
    fix: "nothing was concluded from it; run the command again",
  });
}

/** The folder itself, under whatever path the host keeps it: an entry of it that vanished is another matter. */
function isMissing(root: string, line: string): boolean {
  const named = /^\S*ls: cannot access (['"]?)(.*)\1: No such file or directory$/i.exec(line)?.[2];
  return named !== undefined && trimSlashes(named).endsWith(trimSlashes(root));
}

/** Of a folder that is a link ls writes the link's own line, without a header. */
function targetOfLink(line: string): string | undefined {
  const [, , kind, , , quoted = ""] = ENTRY.exec(line) ?? [];
  const target = kind === "l" ? / -> ("(?:[^"\\]|\\.)*")$/.exec(quoted)?.[1] : undefined;
  return target === undefined ? undefined : unquote(target);
}

function trimSlashes(path: string): string {
  return path.replace(/\/+$/, "");
}

function notUnderstood(root: string, line: string): VastError {
  return new VastError(
    "unexpected",
    `the listing of ${root} has a line that is not understood: ${line.slice(0, 160)}`,
    { endpoint: "PUT /api/v0/instances/command/{id}/" },
  );
}

function headerPath(line: string): string | undefined {
  const header = HEADER.exec(line);
  if (header?.[2] === undefined) return undefined;
  return header[1] === "" ? header[2] : unquote(`"${header[2]}"`);
}

function addEntry(
  listing: DiskListing,
  announced: Set<string>,
  block: Block | undefined,
  folder: string,
  line: string,
): void {
  const entry = ENTRY.exec(line);
  if (!entry || !block) throw notUnderstood(listing.root, line);
  const [, blocks, kind, size, mtime, quoted = ""] = entry;
  block.blocks += Number(blocks);
  const literal = /^"(?:[^"\\]|\\.)*"/.exec(quoted)?.[0];
  // Only a link's line goes on, with its target.
  if (literal === undefined || (kind !== "l" && literal !== quoted)) throw notUnderstood(listing.root, line);
  const name = unquote(literal);
  const path = folder === "" ? name : `${folder}/${name}`;
  if (kind === "-") listing.files.push({ path, sizeBytes: Number(size), mtimeS: Number(mtime) });
  else if (kind === "d") announced.add(path);
  else listing.skipped.push(path);
}

/** A C string literal as GNU ls writes it; octal escapes are bytes of UTF-8. */
function unquote(literal: string): string {
  const body = literal.replace(/^"|"$/g, "");
  const bytes: number[] = [];
  const simple: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };
  const pattern = /\\([0-7]{3})|\\(.)|([^\\]+)/gs;
  for (const [, octal, escaped, plain] of body.matchAll(pattern)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (escaped !== undefined) bytes.push(simple[escaped] ?? escaped.charCodeAt(0));
    else if (plain !== undefined) bytes.push(...Buffer.from(plain));
  }
  return Buffer.from(bytes).toString("utf8");
}
