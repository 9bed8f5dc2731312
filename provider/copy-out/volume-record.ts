import { z } from "zod";
import type { Binding } from "../lifecycle/instance/inputs.ts";
import type { Bucket } from "./bucket.ts";

/**
 * A volume can only be read through an instance that mounts it, so whether its content is safe is written down beside
 * the objects: who used it last, and which contract's gate has copied it since.
 */
const recordSchema = z.object({ usedBy: z.number(), savedBy: z.number().optional() });

function keyOf(binding: Pick<Binding, "prefix">, volumeId: number): string {
  return [binding.prefix.replace(/^\/+|\/+$/g, ""), ".pulumi-vast", `volume-${volumeId}.json`]
    .filter((part) => part !== "")
    .join("/");
}

export async function volumeUsed(
  bucket: Bucket,
  binding: Binding,
  volumeId: number,
  contractId: number,
): Promise<void> {
  await bucket.writeJson(keyOf(binding, volumeId), { usedBy: contractId });
}

export async function volumeSaved(
  bucket: Bucket,
  binding: Binding,
  volumeId: number,
  contractId: number,
): Promise<void> {
  await bucket.writeJson(keyOf(binding, volumeId), { usedBy: contractId, savedBy: contractId });
}

/** The contract that used the volume without its content having been copied since; undefined when nothing is at stake. */
export async function unsavedUser(bucket: Bucket, binding: Binding, volumeId: number): Promise<number | undefined> {
  const found = await bucket.readJson(keyOf(binding, volumeId));
  if (found === undefined) return undefined;
  const record = recordSchema.parse(found);
  return record.savedBy === record.usedBy ? undefined : record.usedBy;
}
