import { isVastError } from "../api/errors.ts";
import type { InstanceRow } from "../api/instances.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { assertSums, readSums, type Sums, takeSums } from "./checksums.ts";
import { differences, skippedMatches, unmatchedPatterns } from "./compare.ts";
import { copyOnce, copyUntilEqual, notCopied } from "./copy.ts";
import { type DiskListing, listDisk } from "./listing.ts";
import { type Manifest, manifestOf, writeManifest } from "./manifest.ts";
import { openShell, type Shell } from "./ssh.ts";
import { blocked, prefixOf, type Subject, some } from "./subject.ts";
import { assertPassed, keepPass, runVerifyCommand } from "./verify-command.ts";

/** What only a running instance can tell. */
export interface LiveEvidence {
  /** When `verifyCommand` passed. */
  passedAt: string | undefined;
  sums: Sums | undefined;
}

export const NO_EVIDENCE: LiveEvidence = { passedAt: undefined, sums: undefined };

/**
 * Copies a folder of an instance that may be writing to it. Only files that did not change meanwhile can be asked for:
 * others are the worker's and come after the stop.
 * @returns the files that are certainly in the bucket; undefined where the instance cannot be listed while it runs
 */
export async function copySettled(subject: Subject, path: string): Promise<DiskListing | undefined> {
  const prefix = prefixOf(subject, path);
  const before = await listWhileRunning(subject, path);
  if (before && (await differences(subject.bucket, prefix, before)).length === 0) return before;
  const failure = await copyOnce(subject, path);
  if (before && (await differences(subject.bucket, prefix, before)).length === 0) return before;
  const after = before && (await listWhileRunning(subject, path));
  if (!after && failure) throw failure;
  if (!after) return undefined;
  const settled = unchanged(before, after);
  const missing = await differences(subject.bucket, prefix, settled);
  if (missing.length > 0) throw failure ?? notCopied(subject, missing);
  if (failure && settled.files.length === 0) throw failure;
  if (failure)
    // A trainer that keeps the newest checkpoints deletes old ones under the copy.
    subject.context.log(`${subject.name}: what did not change meanwhile is in the bucket all the same; going on`);
  return settled;
}

function unchanged(before: DiskListing, after: DiskListing): DiskListing {
  const stamps = new Set(before.files.map(stampOf));
  return { ...after, files: after.files.filter((file) => stamps.has(stampOf(file))) };
}

/** Of a listing from before, what has not changed since and is not among `unsettled` (absolute paths). */
export async function stillSettled(
  subject: Subject,
  before: DiskListing,
  unsettled: readonly string[],
): Promise<DiskListing> {
  const now = await listDisk(subject.context, subject.id, before.root);
  const { files, ...listing } = unchanged(before, now);
  const root = before.root.replace(/\/+$/, "");
  return { ...listing, files: files.filter(({ path }) => !unsettled.includes(`${root}/${path}`)) };
}

function stampOf({ path, sizeBytes, mtimeS }: DiskListing["files"][number]): string {
  return `${sizeBytes} ${mtimeS} ${path}`;
}

/** Whether `execute` serves a running instance is unverified (vast-api.md 3.5): a refusal is no failure of the copy. */
export async function listWhileRunning(subject: Subject, path: string): Promise<DiskListing | undefined> {
  return listDisk(subject.context, subject.id, path).catch((error: unknown) => {
    if (isVastError(error, "refused", "unexpected")) return undefined;
    throw error;
  });
}

/** The command may end the worker, so that nothing changes any more: the sums are taken after it. */
export async function takeEvidence(
  subject: Subject,
  row: InstanceRow,
): Promise<LiveEvidence & { unsettled: string[] }> {
  const { verify, verifyCommand } = subject.copyOut;
  if (verify !== "checksum" && verifyCommand === undefined) return { ...NO_EVIDENCE, unsettled: [] };
  const shell = await openShell(subject.context, row, subject.name);
  try {
    if (verifyCommand !== undefined) await runVerifyCommand(subject, shell, verifyCommand);
    const passedAt = verifyCommand === undefined ? undefined : new Date().toISOString();
    if (verify !== "checksum") return { passedAt, sums: undefined, unsettled: [] };
    return { passedAt, ...(await sumsOver(subject, shell)) };
  } finally {
    shell.close();
  }
}

export async function sumsBySsh(subject: Subject, row: InstanceRow): ReturnType<typeof takeSums> {
  const shell = await openShell(subject.context, row, subject.name);
  try {
    return await sumsOver(subject, shell);
  } finally {
    shell.close();
  }
}

function sumsOver(subject: Subject, shell: Shell): ReturnType<typeof takeSums> {
  subject.context.log(`${subject.name}: taking the SHA-256 of every file on contract ${subject.id}`);
  return takeSums(subject, shell);
}

/** Before the stop, since after it nothing can be hashed any more. */
export function assertSettled(subject: Subject, unsettled: readonly string[]): void {
  if (unsettled.length === 0) return;
  throw blocked(
    subject,
    `\`verify: "checksum"\` is asked for, and ${unsettled.length} ${unsettled.length === 1 ? "file changes" : "files change"} while the sums are taken: ${some(unsettled)}`,
    "end what writes them first: `verifyCommand` may do it, it runs before the sums are taken",
  );
}

/** The instance is stopped: its files are final. All of them have to be in the bucket, and in every respect asked for. */
export async function copyTheRest(subject: Subject, state: InstanceState, evidence: LiveEvidence): Promise<Manifest> {
  const { bucket, copyOut } = subject;
  const listings: DiskListing[] = [];
  for (const path of copyOut.paths) {
    const listing = await listDisk(subject.context, subject.id, path);
    if (!listing.exists)
      subject.context.log(`${subject.name}: there is no ${path} on contract ${subject.id}; nothing to copy from it`);
    warnOfSkipped(subject, listing);
    listings.push(listing);
  }
  if (copyOut.verifyCommand !== undefined) {
    if (evidence.passedAt === undefined) await assertPassed(subject, listings);
    else await keepPass(subject, listings, evidence.passedAt);
  }
  for (const listing of listings) await copyUntilEqual(subject, listing.root, listing);
  assertRequired(subject, listings);
  const sums = copyOut.verify === "checksum" ? (evidence.sums ?? (await readSums(subject))) : undefined;
  if (sums) await assertSums(subject, sums, listings);
  const manifest = manifestOf(subject, state, { live: false, listings, sums });
  await writeManifest(bucket, prefixOf(subject), manifest);
  const files = listings.flatMap((listing) => listing.files);
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  subject.context.log(
    `${subject.name}: verified ${files.length} files (${bytes} bytes${sums ? ", by SHA-256" : ""}) of contract ${subject.id} in s3://${subject.binding.bucket}/${prefixOf(subject)}`,
  );
  return manifest;
}

function assertRequired(subject: Subject, listings: readonly DiskListing[]): void {
  const unmatched = unmatchedPatterns(subject.copyOut.required, listings);
  if (unmatched.length === 0) return;
  throw blocked(
    subject,
    `no file matches the required ${unmatched.map((pattern) => `"${pattern}"`).join(", ")} in ${subject.copyOut.paths.join(", ")}${onlySkipped(unmatched, listings)}`,
    "check `copyOut.paths` and `copyOut.required`; if there is nothing worth keeping, waive with a reason",
  );
}

function warnOfSkipped(subject: Subject, { root, skipped }: DiskListing): void {
  if (skipped.length === 0) return;
  const which = some(skipped.map((path) => `${root}/${path}`));
  subject.context.log(
    `WARNING: ${subject.name}: links, sockets and the like are not copied, only files: ${which}; keep results in plain files`,
  );
}

function onlySkipped(patterns: readonly string[], listings: readonly DiskListing[]): string {
  const skipped = patterns.flatMap((pattern) => skippedMatches(pattern, listings));
  return skipped.length === 0
    ? ""
    : ` (${some([...new Set(skipped)])} would, but is no plain file, so it is not copied)`;
}
