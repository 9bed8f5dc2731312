import { z } from "zod";
import type { VastError } from "../api/errors.ts";
import type { DiskListing } from "./listing.ts";
import { quoted, type Shell } from "./ssh.ts";
import { blocked, prefixOf, recordKey, type Subject, some } from "./subject.ts";

/** A file's SHA-256 as taken on the instance, and the file's size and time then: as long as both hold, so does the sum. */
const sumSchema = z.object({
  path: z.string(),
  sizeBytes: z.number(),
  mtimeS: z.number(),
  sha256: z.string().length(64),
});
type Sum = z.infer<typeof sumSchema>;
/** By absolute path on the instance. */
export type Sums = ReadonlyMap<string, Sum>;

/** A file changed within the second before it was hashed may change again with the same time and size. */
const SETTLED_S = 2;
const MAX_PASSES = 4;
/** File names given to one command. */
const AT_ONCE = 100;

/**
 * Hashes every file of the contract's folders over SSH and keeps the sums in the bucket: once the instance is stopped,
 * there is no SSH any more. Files that change meanwhile are hashed again, a few times; what still changes is `unsettled`.
 */
export async function takeSums(subject: Subject, shell: Shell): Promise<{ sums: Sums; unsettled: string[] }> {
  const sums = new Map<string, Sum>();
  const unsettled: string[] = [];
  for (const path of subject.copyOut.paths) unsettled.push(...(await sumFolder(subject, shell, path, sums)));
  await subject.bucket.writeJson(recordKey(subject, "checksums"), { files: [...sums.values()] });
  return { sums, unsettled };
}

async function sumFolder(subject: Subject, shell: Shell, folder: string, sums: Map<string, Sum>): Promise<string[]> {
  const { timeout } = subject.copyOut;
  const exists = await shell.run(`test -d ${quoted(folder)}`, timeout);
  if (exists.exitCode !== 0) return [];
  let before = await filesIn(subject, shell, folder);
  let toHash = [...before.files.keys()];
  for (let pass = 1; ; pass += 1) {
    const hashed = await hash(subject, shell, toHash);
    const after = await filesIn(subject, shell, folder);
    toHash = [];
    for (const [path, file] of after.files) {
      const sha256 = hashed.get(path);
      const same = before.files.get(path)?.stamp === file.stamp && file.mtimeS + SETTLED_S <= before.nowS;
      if (sha256 !== undefined && same)
        sums.set(path, { path, sizeBytes: file.sizeBytes, mtimeS: file.mtimeS, sha256 });
      else if (!isKnown(sums.get(path), file)) toHash.push(path);
    }
    if (toHash.length === 0 || pass === MAX_PASSES) return toHash;
    await subject.context.clock.sleep(SETTLED_S + 1);
    before = await filesIn(subject, shell, folder);
  }
}

function isKnown(sum: Sum | undefined, file: Pick<Sum, "sizeBytes" | "mtimeS">): boolean {
  return sum !== undefined && sum.sizeBytes === file.sizeBytes && sum.mtimeS === file.mtimeS;
}

interface Found {
  /** By the instance's own clock. */
  nowS: number;
  files: Map<string, { sizeBytes: number; mtimeS: number; stamp: string }>;
}

async function filesIn(subject: Subject, shell: Shell, folder: string): Promise<Found> {
  const command = `date +%s; find ${quoted(folder)} -type f -printf '%s %T@ %p\\0'`;
  const { stdout, output } = await shell.run(command, subject.copyOut.timeout);
  const [, now, rest] = /^(\d+)\n([\s\S]*)$/.exec(stdout) ?? [];
  const entries = rest?.split("\0").filter((entry) => entry !== "");
  const files: Found["files"] = new Map();
  for (const entry of entries ?? []) {
    const [, size, mtime, path] = /^(\d+) (-?[\d.]+) ([\s\S]+)$/.exec(entry) ?? [];
    if (path === undefined) throw noSums(subject, `find answers what is not understood: ${entry.slice(0, 100)}`);
    files.set(path, { sizeBytes: Number(size), mtimeS: Math.floor(Number(mtime)), stamp: `${size} ${mtime}` });
  }
  if (now === undefined) throw noSums(subject, `find and date do not answer as GNU's do: ${output.slice(0, 200)}`);
  return { nowS: Number(now), files };
}

async function hash(subject: Subject, shell: Shell, paths: readonly string[]): Promise<Map<string, string>> {
  const sums = new Map<string, string>();
  for (let from = 0; from < paths.length; from += AT_ONCE) {
    const some = paths.slice(from, from + AT_ONCE);
    const { stdout, output, exitCode } = await shell.run(
      `sha256sum ${some.map(quoted).join(" ")}`,
      subject.copyOut.timeout,
    );
    if (exitCode === 127) throw noSums(subject, `the image has no sha256sum: ${output.trim().slice(0, 200)}`);
    for (const line of stdout.split("\n")) {
      // GNU marks a line whose name it had to escape with a backslash.
      const [, escaped, sum, name] = /^(\\?)([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      if (sum !== undefined && name !== undefined) sums.set(escaped === "" ? name : unescapeName(name), sum);
    }
  }
  return sums;
}

function unescapeName(name: string): string {
  return name.replaceAll(/\\([\\nr])/g, (_, what: string) => ({ "\\": "\\", n: "\n", r: "\r" })[what] ?? what);
}

function noSums(subject: Subject, why: string): VastError {
  return blocked(
    subject,
    `\`verify: "checksum"\` is asked for and the sums cannot be had: ${why}`,
    'put coreutils and findutils into the image, or set `verify: "size"` and run `pulumi up`; then the same command again',
  );
}

/** The sums that the last run took while the instance still ran. */
export async function readSums(subject: Subject): Promise<Sums> {
  const text = await subject.bucket.readText(recordKey(subject, "checksums"));
  try {
    const { files } = z.object({ files: z.array(sumSchema) }).parse(JSON.parse(text ?? '{"files":[]}'));
    return new Map(files.map((file) => [file.path, file]));
  } catch {
    subject.context.log(
      `WARNING: ${subject.name}: the checksums kept in s3://${subject.binding.bucket}/${recordKey(subject, "checksums")} cannot be understood and count for nothing`,
    );
    return new Map();
  }
}

/**
 * Every listed file's sum against its object's.
 * @throws VastError for files without a sum that holds, and for objects with another one
 */
export async function assertSums(subject: Subject, sums: Sums, listings: readonly DiskListing[]): Promise<void> {
  const files = listings.flatMap(({ root, files: found }) =>
    found.map((file) => ({
      ...file,
      absolute: `${root.replace(/\/+$/, "")}/${file.path}`,
      key: `${prefixOf(subject, root)}/${file.path}`,
    })),
  );
  const without = files.filter((file) => !isKnown(sums.get(file.absolute), file)).map((file) => file.absolute);
  if (without.length > 0)
    throw blocked(
      subject,
      `\`verify: "checksum"\` is asked for, and ${without.length} ${without.length === 1 ? "file has" : "files have"} no SHA-256 from before the stop, or changed after it was taken: ${some(without)}`,
      'a stopped instance has no SSH: start it (`pulumi up` with state "running"), end what writes these files (`verifyCommand` may do it), and run the same command again; or set `verify: "size"` and run `pulumi up` first',
    );
  const stored = await subject.bucket.sha256(files.map(({ key }) => key));
  const wrong = files.filter(({ absolute, key }) => stored.get(key) !== sums.get(absolute)?.sha256);
  if (wrong.length > 0)
    throw blocked(
      subject,
      `${wrong.length} ${wrong.length === 1 ? "object has" : "objects have"} another SHA-256 than the file on the instance: ${some(wrong.map(({ key }) => key))}`,
      "the copy tool will not copy them again as long as size and time agree: delete these objects in S3, then run the same command again",
    );
}
