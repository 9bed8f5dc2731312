import { z } from "zod";
import { VastError } from "../api/errors.ts";
import type { Bucket } from "./bucket.ts";
import type { Binding } from "./inputs.ts";

/** The contracts that one resource has had, newest last: where a successor's checkpoints come from. */
const lineageSchema = z.object({
  contracts: z.array(
    z.object({
      id: z.number().int(),
      /** Present once a restore was decided: from which contract (null: there was nothing), and whether it is through. */
      restore: z.object({ from: z.number().int().nullable(), done: z.boolean() }).optional(),
    }),
  ),
});
export type Lineage = z.infer<typeof lineageSchema>;

function keyOf({ prefix }: Pick<Binding, "prefix">, mark: string): string {
  const parts = [prefix.replace(/^\/+|\/+$/g, ""), `.pulumi-vast/lineage/${mark}.json`];
  return parts.filter((part) => part !== "").join("/");
}

export async function readLineage(bucket: Bucket, binding: Binding, mark: string): Promise<Lineage> {
  const key = keyOf(binding, mark);
  const text = await bucket.readText(key);
  if (text === undefined) return { contracts: [] };
  try {
    return lineageSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new VastError(
      "blocked",
      `s3://${binding.bucket}/${key} cannot be understood, so nobody knows what to restore`,
      {
        fix: "put an earlier version of that object back, or delete it: then `restoreFrom` finds nothing before this contract",
        cause,
      },
    );
  }
}

export async function writeLineage(bucket: Bucket, binding: Binding, mark: string, lineage: Lineage): Promise<void> {
  await bucket.writeJson(keyOf(binding, mark), lineage);
}

/** Where an earlier one stands that was never noted when it came up: contracts are numbered as they are rented. */
export function withContract({ contracts }: Lineage, id: number): Lineage {
  if (contracts.some((contract) => contract.id === id)) return { contracts };
  const next = contracts.findIndex((contract) => contract.id > id);
  return { contracts: contracts.toSpliced(next === -1 ? contracts.length : next, 0, { id }) };
}
