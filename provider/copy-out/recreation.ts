import type { Context } from "../context.ts";
import type { InstanceInputs } from "../lifecycle/instance/inputs.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { readLineage, writeLineage } from "./lineage.ts";
import type { Manifest } from "./manifest.ts";
import { covers, type Subject, subjectOf } from "./subject.ts";

/**
 * An update that recreates the container empties its disk. What the gate has saved before is brought back from the contract's
 * own copies where `restoreFrom` asks for a restore; until that is through, nothing of the new container is copied to the same
 * keys: a fresh worker's `latest.pt` must not go over the one that it was to start from.
 */
type Worker = Pick<InstanceState, "mark" | "restoreFrom">;

/**
 * To be called between the gate and the recreation.
 * @returns whether files are to be brought back
 */
export async function noteRecreation(
  context: Context,
  inputs: InstanceInputs,
  id: number,
  saved: Manifest | undefined,
): Promise<boolean> {
  const subject = subjectOf(context, inputs, { id });
  if (!subject || inputs.restoreFrom === undefined || inputs.state === "stopped") return false;
  const folders = foldersToRestore(inputs);
  if (!saved?.folders.some(({ path, files }) => folders.includes(path) && files.length > 0)) return false;
  const { bucket, binding } = subject;
  const lineage = await readLineage(bucket, binding, inputs.mark);
  const known = lineage.contracts.find((contract) => contract.id === id);
  const entry = known ?? { id };
  if (!known) lineage.contracts.push(entry);
  // A restore that is not through yet goes on with what it began with.
  if (entry.restore === undefined || entry.restore.done) entry.restore = { from: id, done: false };
  await writeLineage(bucket, binding, inputs.mark, lineage);
  return true;
}

/** Whether files of the contract itself, from before its container was recreated, are not back on its disk yet. */
export async function awaitsOwnFiles(subject: Subject, { mark, restoreFrom }: Worker): Promise<boolean> {
  if (restoreFrom === undefined) return false;
  const { contracts } = await readLineage(subject.bucket, subject.binding, mark);
  const restore = contracts.find(({ id }) => id === subject.id)?.restore;
  return restore?.from === subject.id && !restore.done;
}

/** Where a copy of the contract goes now: aside as long as its own files are not back. */
export async function whereToCopy(subject: Subject, worker: Worker): Promise<Subject> {
  if (!(await awaitsOwnFiles(subject, worker))) return subject;
  const there = aside(subject);
  subject.context.log(
    `WARNING: ${subject.name}: what was on contract ${subject.id} before its container was recreated is not back on it yet; what is on it now goes to s3://${there.binding.bucket}/${there.binding.prefix}`,
  );
  return there;
}

/** What was to be there, and to pass, has been seen to before the recreation. */
export function aside(subject: Subject): Subject {
  const { binding, copyOut } = subject;
  const prefix = [binding.prefix.replace(/^\/+|\/+$/g, ""), ".pulumi-vast/not-restored"].filter(Boolean).join("/");
  return {
    ...subject,
    binding: { ...binding, prefix },
    copyOut: { ...copyOut, required: [], verify: "size", verifyCommand: undefined },
  };
}

/** What is on a volume is still there: only the contract's own disk is new. */
export function foldersToRestore({ restoreFrom, copyOut, volume }: InstanceInputs): string[] {
  const asked = typeof restoreFrom === "object" ? restoreFrom.paths : (copyOut?.paths ?? []);
  return asked.filter((path) => volume === undefined || !covers(volume.mountPath, path));
}
