import picomatch from "picomatch";
import type { Bucket } from "./bucket.ts";
import type { DiskFile, DiskListing } from "./listing.ts";

export interface Difference {
  /** Absolute path on the instance. */
  path: string;
  why: string;
}

/** Key prefix of one folder's copy: it contains the contract id, so an older run's object never passes for a new one. */
export function keyPrefix(bindingPrefix: string, contractId: number, path = ""): string {
  const parts = [bindingPrefix, String(contractId), path]
    .map((part) => part.replace(/^\/+|\/+$/g, ""))
    .filter((part) => part !== "");
  return parts.join("/");
}

/** Every file of the instance must be in the bucket: same size, and same modification time where the tool kept it. */
export async function differences(bucket: Bucket, prefix: string, listing: DiskListing): Promise<Difference[]> {
  const stored = new Map((await bucket.list(`${prefix}/`)).map((object) => [object.key, object.sizeBytes]));
  const bySize = listing.files.flatMap((file) => {
    const why = sizeProblem(file, stored.get(`${prefix}/${file.path}`));
    return why === undefined ? [] : [{ path: `${listing.root}/${file.path}`, why }];
  });
  // Reading times costs a request a file: only once every size agrees.
  if (bySize.length > 0) return bySize;
  const mtimes = await bucket.mtimes(listing.files.map((file) => `${prefix}/${file.path}`));
  return listing.files.flatMap((file) => {
    const kept = mtimes.get(`${prefix}/${file.path}`);
    if (kept === undefined || Math.floor(kept) === file.mtimeS) return [];
    return [
      {
        path: `${listing.root}/${file.path}`,
        why: `the copy is of ${isoTime(kept)}, the file of ${isoTime(file.mtimeS)}`,
      },
    ];
  });
}

function sizeProblem(file: DiskFile, storedBytes: number | undefined): string | undefined {
  if (storedBytes === undefined) return "is not in the bucket";
  return storedBytes === file.sizeBytes ? undefined : `has ${file.sizeBytes} bytes, its copy ${storedBytes}`;
}

/** Required patterns that no file matches, by base name or by path below the folder. */
export function unmatchedPatterns(patterns: readonly string[], listings: readonly DiskListing[]): string[] {
  const paths = listings.flatMap((listing) => listing.files.map((file) => file.path));
  return patterns.filter((pattern) => !paths.some(matcherOf(pattern)));
}

/** Links and the like that a pattern matches: absolute paths, for the explanation why it counts as unmatched. */
export function skippedMatches(pattern: string, listings: readonly DiskListing[]): string[] {
  const matches = matcherOf(pattern);
  return listings.flatMap(({ root, skipped }) => skipped.filter(matches).map((path) => `${root}/${path}`));
}

function matcherOf(pattern: string): (path: string) => boolean {
  const byName = !pattern.includes("/");
  const matches = picomatch(pattern, { dot: true, matchBase: byName, basename: byName });
  return (path) => matches(path);
}

function isoTime(epochS: number): string {
  return new Date(epochS * 1000).toISOString();
}
