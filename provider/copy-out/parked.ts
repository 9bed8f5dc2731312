import { z } from "zod";
import { VastError } from "../api/errors.ts";
import { type Bucket, openBucket } from "./bucket.ts";
import { bindingSchema } from "./inputs.ts";

/**
 * A contract that its stack has replaced because its host is offline: nothing can be copied from it now, and it bills
 * nothing meanwhile. The state forgets it, this record beside the copies does not: when the host is back, `reconcile`
 * copies its results out, destroys it and clears the record. Where a state still names the contract, the state holds.
 */
const parkedSchema = z.object({
  contract: z.int().positive(),
  mark: z.string(),
  /** The resource's name in the program; states from before it was recorded lack it. */
  resource: z.string().optional(),
  label: z.string(),
  home: z.object({ endpoint: z.string(), accountId: z.number() }),
  machine: z.int(),
  /** ISO time at which it was parked. */
  since: z.iso.datetime({ offset: true }),
  /** USD/h all-in, once its host is back. */
  dph: z.number(),
  /** What the gate needs: where results go, which they are, and the volume that only this contract can read. */
  copyOut: z.looseObject({ target: bindingSchema, paths: z.array(z.string()) }),
  volume: z.looseObject({ id: z.int(), mountPath: z.string() }).optional(),
  /** ISO time and reason of the end of it; without them the contract is still parked. */
  cleared: z.object({ at: z.iso.datetime({ offset: true }), why: z.string() }).optional(),
});
export type ParkedContract = z.infer<typeof parkedSchema>;

type Place = Pick<z.infer<typeof bindingSchema>, "bucket" | "region" | "endpoint" | "prefix">;

function folderOf({ prefix }: Pick<Place, "prefix">): string {
  return [prefix.replace(/^\/+|\/+$/g, ""), ".pulumi-vast/parked/"].filter((part) => part !== "").join("/");
}

function keyOf(place: Pick<Place, "prefix">, contract: number): string {
  return `${folderOf(place)}${contract}.json`;
}

/** Where a parked contract's record is, for messages. */
export function parkedUrl(place: Place, contract: number): string {
  return `s3://${place.bucket}/${keyOf(place, contract)}`;
}

/** Writes the record, and reads it back: without it nobody would know of the contract any more. */
export async function recordParked(place: Place, parked: ParkedContract): Promise<void> {
  const bucket = openBucket(place);
  const key = keyOf(place, parked.contract);
  await bucket.writeJson(key, parkedSchema.parse(parked));
  await readOne(bucket, place, key);
}

/** The contracts that are parked in a target's prefix, oldest first. */
export async function listParked(place: Place): Promise<ParkedContract[]> {
  const bucket = openBucket(place);
  const keys = (await bucket.list(folderOf(place))).map(({ key }) => key).filter((key) => key.endsWith(".json"));
  const records = await Promise.all(keys.map((key) => readOne(bucket, place, key)));
  return records
    .filter(({ cleared }) => cleared === undefined)
    .toSorted((a, b) => a.since.localeCompare(b.since) || a.contract - b.contract);
}

/** The contract is parked no more. Overwritten, not deleted: deleting in the bucket is nobody's right here. */
export async function clearParked(place: Place, contract: number, why: string): Promise<void> {
  const bucket = openBucket(place);
  const key = keyOf(place, contract);
  const parked = await readOne(bucket, place, key);
  await bucket.writeJson(key, { ...parked, cleared: { at: new Date().toISOString(), why } });
}

/** @throws VastError for a record that cannot be understood: it names a contract that may hold results and bill */
async function readOne(bucket: Bucket, place: Place, key: string): Promise<ParkedContract> {
  const text = await bucket.readText(key);
  try {
    return parkedSchema.parse(JSON.parse(text ?? ""));
  } catch (cause) {
    throw new VastError("blocked", `s3://${place.bucket}/${key} records a parked contract and cannot be understood`, {
      fix: "look at the contract that its name says in the Vast console and at the object's earlier versions; put it right, or delete it once that contract is gone",
      cause,
    });
  }
}
