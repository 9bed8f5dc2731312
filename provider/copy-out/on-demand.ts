import { VastError } from "../api/errors.ts";
import type { InstanceRow } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { conditionOf } from "../lifecycle/instance/condition.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import type { DiskListing } from "./listing.ts";
import { type Manifest, manifestOf, writeManifest } from "./manifest.ts";
import { blocked, prefixOf, subjectOf } from "./subject.ts";
import { copySettled } from "./verify.ts";

/**
 * Copies an instance's results out, compares size and time, and lets it go on as it was: of a running one, the files that
 * did not change meanwhile. The manifest is marked `live`: it is not the last word, and a gate makes its own.
 * @throws VastError when files that had settled did not arrive
 */
export async function copyOutNow(context: Context, state: InstanceState, row: InstanceRow): Promise<Manifest> {
  const subject = subjectOf(context, state, row);
  if (!subject)
    throw new VastError("config", `${state.label}: contract ${row.id} declares no copy-out`, {
      fix: "declare `copyOut: { target, paths }` and run `pulumi up`",
    });
  if (conditionOf(row) === "offline")
    throw blocked(subject, "its host is offline, so nothing can be copied from it", "try again when it is back");
  const listings: DiskListing[] = [];
  for (const path of subject.copyOut.paths) {
    const settled = await copySettled(subject, path);
    if (!settled)
      throw blocked(subject, `${path} cannot be listed while the instance runs, so nothing is compared`, "try again");
    listings.push(settled);
  }
  const manifest = {
    ...manifestOf(subject, state, { live: true, listings, sums: undefined }),
    verify: "size",
  } as const;
  await writeManifest(subject.bucket, prefixOf(subject), manifest);
  const count = listings.reduce((sum, { files }) => sum + files.length, 0);
  context.log(
    `${state.label}: ${count} settled files of contract ${row.id} are in s3://${subject.binding.bucket}/${prefixOf(subject)}`,
  );
  return manifest;
}
