import { z } from "zod";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import type { Bucket } from "./bucket.ts";
import type { Sums } from "./checksums.ts";
import type { DiskListing } from "./listing.ts";
import type { Subject } from "./subject.ts";

const fileSchema = z.object({
  path: z.string(),
  sizeBytes: z.number(),
  mtimeS: z.number(),
  sha256: z.string().optional(),
});

/** What was copied and verified, beside the objects: the last word about a contract that no longer exists. */
const manifestSchema = z.object({
  contractId: z.number(),
  label: z.string(),
  mark: z.string(),
  machineId: z.number(),
  /** Records of parked contracts do not have it. */
  gpu: z.string().optional(),
  /** USD/h all-in. */
  dph: z.number(),
  verifiedAt: z.string(),
  verify: z.enum(["size", "checksum"]),
  /** Made while the instance ran: of the files that had settled, and not the last word. */
  live: z.boolean().default(false),
  folders: z.array(
    z.object({ path: z.string(), exists: z.boolean(), skipped: z.array(z.string()), files: z.array(fileSchema) }),
  ),
});
export type Manifest = z.infer<typeof manifestSchema>;

const keyOf = (prefix: string) => `${prefix}/.pulumi-vast/manifest.json`;

export function manifestOf(
  { context, copyOut, id }: Subject,
  state: Pick<InstanceState, "label" | "mark" | "machineId" | "dph"> & { gpu?: string | undefined },
  { live, listings, sums }: { live: boolean; listings: readonly DiskListing[]; sums: Sums | undefined },
): Manifest {
  return {
    contractId: id,
    label: state.label,
    mark: state.mark,
    machineId: state.machineId,
    gpu: state.gpu,
    dph: state.dph,
    verifiedAt: new Date(context.clock.nowS() * 1000).toISOString(),
    verify: copyOut.verify,
    live,
    folders: listings.map(({ root, exists, files, skipped }) => ({
      path: root,
      exists,
      skipped,
      files: files.map((file) => {
        const sha256 = sums?.get(`${root.replace(/\/+$/, "")}/${file.path}`)?.sha256;
        return { ...file, ...(sha256 === undefined ? {} : { sha256 }) };
      }),
    })),
  };
}

export async function writeManifest(bucket: Bucket, prefix: string, manifest: Manifest): Promise<void> {
  await bucket.writeJson(keyOf(prefix), manifest);
}

/** Undefined when there is none, or none that can be understood: then nothing is known to be verified. */
export async function readManifest(bucket: Bucket, prefix: string): Promise<Manifest | undefined> {
  const text = await bucket.readText(keyOf(prefix));
  if (text === undefined) return undefined;
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
