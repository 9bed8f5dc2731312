import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import type { Bucket } from "./bucket.ts";
import type { DiskListing } from "./listing.ts";

/** What was copied and verified, beside the objects: the last word about a contract that no longer exists. */
export interface Manifest {
  contractId: number;
  label: string;
  mark: string;
  machineId: number;
  gpu: string;
  /** USD/h all-in. */
  dph: number;
  verifiedAt: string;
  verify: "size";
  folders: {
    path: string;
    exists: boolean;
    skipped: string[];
    files: { path: string; sizeBytes: number; mtimeS: number }[];
  }[];
}

export async function writeManifest(
  bucket: Bucket,
  prefix: string,
  state: InstanceState,
  listings: readonly DiskListing[],
): Promise<void> {
  const manifest: Manifest = {
    contractId: state.contractId,
    label: state.label,
    mark: state.mark,
    machineId: state.machineId,
    gpu: state.gpu,
    dph: state.dph,
    verifiedAt: new Date().toISOString(),
    verify: "size",
    folders: listings.map(({ root, exists, files, skipped }) => ({ path: root, exists, skipped, files })),
  };
  await bucket.writeJson(`${prefix}/.pulumi-vast/manifest.json`, manifest);
}
