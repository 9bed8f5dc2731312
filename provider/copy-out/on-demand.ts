import { VastError } from "../api/errors.ts";
import type { InstanceRow } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { conditionOf } from "../lifecycle/instance/condition.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { assertSums, readSums, type Sums } from "./checksums.ts";
import type { DiskListing } from "./listing.ts";
import { type Manifest, manifestOf, writeManifest } from "./manifest.ts";
import { whereToCopy } from "./recreation.ts";
import { blocked, prefixOf, type Subject, subjectOf } from "./subject.ts";
import { copySettled, stillSettled, sumsBySsh } from "./verify.ts";

/**
 * Copies an instance's results out, compares them as the gate does, and lets it go on as it was: of a running one, the files
 * that did not change meanwhile. The manifest is marked `live`: it is not the last word, and a gate makes its own. A
 * `verifyCommand` is not run, since it may end the worker.
 * @throws VastError when files that had settled did not arrive
 */
export async function copyOutNow(context: Context, state: InstanceState, row: InstanceRow): Promise<Manifest> {
  const declared = subjectOf(context, state, row);
  if (!declared)
    throw new VastError("config", `${state.label}: contract ${row.id} declares no copy-out`, {
      fix: "declare `copyOut: { target, paths }` and run `pulumi up`",
    });
  const subject = await whereToCopy(declared, state);
  if (conditionOf(row) === "offline")
    throw blocked(subject, "its host is offline, so nothing can be copied from it", "try again when it is back");
  let listings: DiskListing[] = [];
  for (const path of subject.copyOut.paths) {
    const settled = await copySettled(subject, path);
    if (!settled)
      throw blocked(subject, `${path} cannot be listed while the instance runs, so nothing is compared`, "try again");
    listings.push(settled);
  }
  let sums: Sums | undefined;
  if (subject.copyOut.verify === "checksum") ({ sums, listings } = await compareSums(subject, row, listings));
  const manifest = manifestOf(subject, state, { live: true, listings, sums });
  await writeManifest(subject.bucket, prefixOf(subject), manifest);
  const count = listings.reduce((sum, { files }) => sum + files.length, 0);
  context.log(
    `${state.label}: ${count} settled files of contract ${row.id} are in s3://${subject.binding.bucket}/${prefixOf(subject)}${sums ? ", compared by SHA-256" : ""}`,
  );
  return manifest;
}

/** A running worker's files that change while they are hashed had not settled after all. */
async function compareSums(
  subject: Subject,
  row: InstanceRow,
  listings: readonly DiskListing[],
): Promise<{ sums: Sums; listings: DiskListing[] }> {
  if (conditionOf(row) !== "running") {
    const sums = await readSums(subject);
    await assertSums(subject, sums, listings);
    return { sums, listings: [...listings] };
  }
  const { sums, unsettled } = await sumsBySsh(subject, row);
  const settled = await Promise.all(listings.map((listing) => stillSettled(subject, listing, unsettled)));
  await assertSums(subject, sums, settled);
  return { sums, listings: settled };
}
