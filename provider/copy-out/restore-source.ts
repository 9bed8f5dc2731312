import type { InstanceInputs } from "../lifecycle/instance/inputs.ts";
import type { StoredObject } from "./bucket.ts";
import { keyPrefix } from "./compare.ts";
import type { Lineage } from "./lineage.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { foldersToRestore } from "./recreation.ts";
import { type Subject, some } from "./subject.ts";

/**
 * The contract whose copies a new one begins with. Backups of a lost machine were never compared with its disk, so they are
 * taken before an older contract's verified copies only where nothing can be lost by it: they hold all of those, and more.
 */
export async function chooseSource(
  subject: Subject,
  inputs: InstanceInputs,
  lineage: Lineage,
): Promise<number | undefined> {
  const { context, name } = subject;
  const folders = foldersToRestore(inputs);
  const unverified: number[] = [];
  for (const id of candidatesOf(subject, inputs, lineage)) {
    const objects = (await Promise.all(folders.map((path) => objectsOf(subject, id, path)))).flat();
    if (objects.length === 0) continue;
    const manifest = await holdingManifest(subject, id);
    if (manifest) return newestWhole(subject, folders, { id, manifest }, unverified);
    unverified.push(id);
  }
  const [newest] = unverified;
  if (newest !== undefined)
    context.log(
      `${name}: restoring from contract ${newest}, whose copies were never verified: there is nothing better`,
    );
  else context.log(`${name}: nothing to restore: no earlier contract left copies; it begins anew`);
  return newest;
}

/** Newest first. */
function candidatesOf(subject: Subject, { restoreFrom }: InstanceInputs, lineage: Lineage): number[] {
  const wanted = typeof restoreFrom === "object" ? restoreFrom.contract : restoreFrom;
  if (typeof wanted === "number") return [wanted];
  return lineage.contracts
    .map(({ id }) => id)
    .toReversed()
    .filter((id) => id !== subject.id);
}

/** The verified contract, or the newest one after it whose backups hold all that was verified. */
async function newestWhole(
  subject: Subject,
  folders: readonly string[],
  { id, manifest }: { id: number; manifest: Manifest },
  newer: readonly number[],
): Promise<number> {
  const { context, name } = subject;
  const verified = `contract ${id}, verified at ${manifest.verifiedAt}`;
  for (const backup of newer) {
    const lacking = await missingOf(subject, folders, manifest, backup);
    if (lacking.length === 0) {
      context.log(
        `${name}: restoring from contract ${backup}: its backups were never verified, but hold every file of ${verified}, in its size`,
      );
      return backup;
    }
    context.log(
      `${name}: contract ${backup} left newer copies that were never verified, and nobody can tell whether they are whole: not in them, or in another size: ${some(lacking)}. \`restoreFrom: ${backup}\` takes them all the same`,
    );
  }
  context.log(`${name}: restoring from ${verified}`);
  return id;
}

/** Verified files that a contract's copies lack, or have in another size. */
async function missingOf(
  subject: Subject,
  folders: readonly string[],
  { folders: verified }: Manifest,
  id: number,
): Promise<string[]> {
  const missing: string[] = [];
  for (const { path, files } of verified.filter((folder) => folders.includes(folder.path))) {
    const sizes = await sizesOf(subject, id, path);
    missing.push(
      ...files.filter((file) => sizes.get(file.path) !== file.sizeBytes).map((file) => `${path}/${file.path}`),
    );
  }
  return missing;
}

/** The manifest, if every file that it names is still there in its size. */
async function holdingManifest(subject: Subject, id: number): Promise<Manifest | undefined> {
  const { bucket, binding } = subject;
  const manifest = await readManifest(bucket, keyPrefix(binding.prefix, id));
  if (!manifest) return undefined;
  for (const { path, files } of manifest.folders) {
    const sizes = await sizesOf(subject, id, path);
    // Of a live manifest's contract newer versions may have been copied since: larger is no loss, missing is.
    const lost = files.some((file) => {
      const size = sizes.get(file.path);
      return size === undefined || (!manifest.live && size !== file.sizeBytes);
    });
    if (lost) return undefined;
  }
  return manifest;
}

/** Bytes by path below the folder. */
async function sizesOf(subject: Subject, id: number, path: string): Promise<Map<string, number>> {
  const prefix = keyPrefix(subject.binding.prefix, id, path);
  const objects = await objectsOf(subject, id, path);
  return new Map(objects.map(({ key, sizeBytes }) => [key.slice(prefix.length + 1), sizeBytes]));
}

export function objectsOf({ bucket, binding }: Subject, id: number, path: string): Promise<StoredObject[]> {
  return bucket.list(`${keyPrefix(binding.prefix, id, path)}/`);
}
