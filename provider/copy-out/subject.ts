import { VastError } from "../api/errors.ts";
import type { InstanceRow } from "../api/instances.ts";
import type { Context } from "../context.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { freshRow } from "../lifecycle/instance/wait.ts";
import { type Bucket, openBucket } from "./bucket.ts";
import { keyPrefix } from "./compare.ts";
import type { Binding, CopyOut } from "./inputs.ts";

/** A contract whose files are copied: from where, to where, and under which name it is spoken of. */
export interface Subject {
  context: Context;
  name: string;
  id: number;
  copyOut: CopyOut;
  binding: Binding;
  bucket: Bucket;
}

/** A contract with a target to copy to; its mounted volume's folder is one of the paths. */
export function subjectOf(
  context: Context,
  { label, copyOut, volume }: Pick<InstanceState, "label" | "copyOut" | "volume">,
  row: Pick<InstanceRow, "id">,
): Subject | undefined {
  if (!copyOut?.target || copyOut.paths.length === 0) return undefined;
  // A detached volume cannot be read any more: what it holds leaves with the instance that mounts it.
  const mounted =
    volume && !copyOut.paths.some((path) => covers(path, volume.mountPath ?? "")) ? [volume.mountPath] : [];
  return {
    context,
    name: label,
    id: row.id,
    copyOut: { ...copyOut, paths: [...copyOut.paths, ...mounted] },
    binding: copyOut.target,
    bucket: openBucket(copyOut.target),
  };
}

export function covers(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder.replace(/\/+$/, "")}/`);
}

/** Where a folder of the contract goes in the bucket; without a folder, where everything of the contract is. */
export function prefixOf({ binding, id }: Pick<Subject, "binding" | "id">, path = ""): string {
  return keyPrefix(binding.prefix, id, path);
}

/** Key of a record that is kept beside the contract's objects. */
export function recordKey(subject: Pick<Subject, "binding" | "id">, name: string): string {
  return `${prefixOf(subject)}/.pulumi-vast/${name}.json`;
}

export function blocked(subject: Subject, what: string, fix: string): VastError {
  return new VastError(
    "blocked",
    `${subject.name}: copy-out of contract ${subject.id} to s3://${subject.binding.bucket}/${prefixOf(subject)}: ${what}`,
    { fix },
  );
}

/** The last words of the contract's host, which copies speak through. */
export async function statusMessage({ context, id }: Pick<Subject, "context" | "id">): Promise<string> {
  return statusMessageOf(await freshRow(context, id));
}

export function statusMessageOf({ status_msg }: InstanceRow): string {
  return (status_msg ?? "").trim();
}

const SHOWN = 5;

/** The first of many, for messages. */
export function some(items: readonly string[], separator = ", "): string {
  const more = items.length > SHOWN ? `${separator}… and ${items.length - SHOWN} more` : "";
  return `${items.slice(0, SHOWN).join(separator)}${more}`;
}
