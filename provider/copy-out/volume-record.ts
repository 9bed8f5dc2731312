import { z } from "zod";
import { VastError } from "../api/errors.ts";
import { listVolumes } from "../api/volumes.ts";
import type { Context } from "../context.ts";
import { parseVolumeName } from "../lifecycle/mark.ts";
import { openBucket } from "./bucket.ts";
import type { Binding } from "./inputs.ts";

/**
 * A volume can only be read through an instance that mounts it, so whether its content is safe is written down beside
 * the objects: who used it last, and which contract's gate has copied it since. The volume begins the record, in its own
 * target; an instance goes on with it, and refuses a volume whose record is elsewhere: so it cannot be missed.
 */
const useSchema = z.object({
  /** A contract; null before the first one; `unknown` where no record was kept from the beginning. */
  usedBy: z.union([z.number(), z.null(), z.literal("unknown")]),
  savedBy: z.number().optional(),
});
const recordSchema = z.union([
  /** `before` holds again once the contract that uses it is gone, where it never ran: that is noted just before its destroy. */
  useSchema.extend({ before: useSchema.optional(), neverRan: z.literal(true).optional() }),
  /** The volume's target is another one now. */
  z.object({ movedTo: z.string() }),
]);
type VolumeRecord = z.infer<typeof recordSchema>;
type UseRecord = Extract<VolumeRecord, { usedBy: unknown }>;

function keyOf(binding: Pick<Binding, "prefix">, volumeId: number): string {
  return [binding.prefix.replace(/^\/+|\/+$/g, ""), ".pulumi-vast", `volume-${volumeId}.json`]
    .filter((part) => part !== "")
    .join("/");
}

function urlOf(binding: Binding, volumeId: number): string {
  return `s3://${binding.bucket}/${keyOf(binding, volumeId)}`;
}

async function write(binding: Binding, volumeId: number, record: VolumeRecord): Promise<void> {
  await openBucket(binding).writeJson(keyOf(binding, volumeId), record);
}

/** Undefined when there is none; `corrupt` says nothing, which is no reason to believe that all is well. */
async function read(binding: Binding, volumeId: number): Promise<VolumeRecord | "corrupt" | undefined> {
  const text = await openBucket(binding).readText(keyOf(binding, volumeId));
  if (text === undefined) return undefined;
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return "corrupt";
  }
}

/** Begins the record, unless there is one already. */
export async function volumeRented(binding: Binding, volumeId: number, isNew: boolean): Promise<void> {
  if (!isNew && (await isKept(binding, volumeId))) return;
  await write(binding, volumeId, { usedBy: isNew ? null : "unknown" });
}

async function isKept(binding: Binding, volumeId: number): Promise<boolean> {
  const record = await read(binding, volumeId);
  return record !== undefined && (record === "corrupt" || !("movedTo" in record));
}

export async function volumeUsed(binding: Binding, volumeId: number, contractId: number): Promise<void> {
  const before = usesBefore(await read(binding, volumeId), contractId);
  await write(binding, volumeId, { usedBy: contractId, ...(before === undefined ? {} : { before }) });
}

function usesBefore(
  record: Awaited<ReturnType<typeof read>>,
  contractId: number,
): z.infer<typeof useSchema> | undefined {
  if (record === undefined || record === "corrupt" || "movedTo" in record) return undefined;
  if (record.usedBy === contractId && record.savedBy !== contractId) return record.before;
  return useSchema.parse(inForce(record));
}

/**
 * The contract never ran and is about to be destroyed: nothing was written through it. Noted before the destroy, for a
 * process killed after it writes nothing any more, and nobody could tell from then on.
 */
export async function volumeUntouched(binding: Binding, volumeId: number, contractId: number): Promise<void> {
  const record = await useBy(binding, volumeId, contractId);
  if (record?.before !== undefined) await write(binding, volumeId, { ...record, neverRan: true });
}

/** The destroy did not come to pass, or it has run since. */
export async function volumeUsedAfterAll(binding: Binding, volumeId: number, contractId: number): Promise<void> {
  const record = await useBy(binding, volumeId, contractId);
  if (record?.neverRan) await write(binding, volumeId, { ...record, neverRan: undefined });
}

async function useBy(binding: Binding, volumeId: number, contractId: number): Promise<UseRecord | undefined> {
  const record = await read(binding, volumeId);
  if (record === undefined || record === "corrupt" || "movedTo" in record) return undefined;
  return record.usedBy === contractId ? record : undefined;
}

/** What is true of a volume that no living contract mounts. */
function inForce(record: UseRecord): z.infer<typeof useSchema> {
  return record.neverRan && record.before ? record.before : record;
}

/** Where the record has left, it stays left: the volume asks for it in its new place. */
export async function volumeSaved(binding: Binding, volumeId: number, contractId: number): Promise<void> {
  const record = await read(binding, volumeId);
  if (record !== undefined && record !== "corrupt" && "movedTo" in record) return;
  await write(binding, volumeId, { usedBy: contractId, savedBy: contractId });
}

/** The volume has another target from now on: the record goes along, and instances find it in the old place no more. */
export async function volumeRetargeted(from: Binding | undefined, to: Binding, volumeId: number): Promise<void> {
  if (from && urlOf(from, volumeId) === urlOf(to, volumeId)) return;
  const record = from && (await read(from, volumeId));
  const known = record !== undefined && record !== "corrupt" && "usedBy" in record;
  await write(to, volumeId, known ? record : { usedBy: "unknown" });
  if (from) await write(from, volumeId, { movedTo: urlOf(to, volumeId) });
}

/**
 * What an instance does with a volume has to be written where the volume's delete will look.
 * @throws VastError when the volume is a VastVolume with another target, or with none
 */
export async function assertRecorded(context: Context, name: string, binding: Binding, volumeId: number) {
  if (await isKept(binding, volumeId)) return;
  const row = (await context.transport.call(listVolumes)).find((volume) => volume.id === volumeId);
  // A volume made elsewhere is deleted elsewhere: nobody asks for its record.
  if (!parseVolumeName(row?.label)) return;
  throw new VastError(
    "refused",
    `${name}: volume ${volumeId} has no record at ${urlOf(binding, volumeId)}: its \`copyOut.target\` is not the one of this instance, so nobody could tell whether its content is safe`,
    { fix: "give the VastVolume and the instance that mounts it the same `copyOut.target`; nothing was changed" },
  );
}

/** No instance of a stack has mounted it: it would have been refused without a record, and would show in one. */
export async function neverUsed(binding: Binding, volumeId: number): Promise<boolean> {
  const record = await read(binding, volumeId);
  return record === undefined || (record !== "corrupt" && "usedBy" in record && inForce(record).usedBy === null);
}

/** Why what a volume holds may not be in the bucket; undefined when it is, or when there never was anything. */
export async function whyUnsaved(binding: Binding, volumeId: number, inUse: boolean): Promise<string | undefined> {
  const record = await read(binding, volumeId);
  const url = urlOf(binding, volumeId);
  if (record === undefined) return `has no record at ${url}, so nobody knows who used it and what was copied`;
  if (record === "corrupt") return `has a record at ${url} that cannot be understood`;
  if ("movedTo" in record) return `has its record at ${record.movedTo} now, not at ${url}`;
  const { usedBy, savedBy } = inForce(record);
  if (usedBy === "unknown")
    return `may have been used before its record at ${url} began, and nothing was copied from it since`;
  if (usedBy === null) return inUse ? `is in use although its record at ${url} names no instance` : undefined;
  if (savedBy === usedBy) return undefined;
  return `was last used by instance ${usedBy}, and nothing was copied from it since`;
}
