import { VastError } from "../../api/errors.ts";
import { type Context, homeOf } from "../../context.ts";
import { type Binding, type CopyOut, copyOutSchema } from "../../copy-out/inputs.ts";
import { clearParked } from "../../copy-out/parked.ts";
import { deleteInstance } from "../instance/delete.ts";
import { machineFactsOf } from "../instance/outputs.ts";
import { removeVolume } from "../volume.ts";
import type { Orphan, OrphanVolume, Parked } from "./findings.ts";

/** What the person who asks for a destroy adds, for contracts of which nothing else says it. */
export interface CopyOutOrder {
  target?: Binding | undefined;
  /** Folders on the instance that hold results. */
  paths?: readonly string[] | undefined;
  /** Written reason for which nothing needs to be copied. */
  waive?: string | undefined;
}

/**
 * Destroys a contract that nobody asks for any more, through the copy-out gate: what its resource declared, or what is
 * ordered now, tells the gate what to copy and where to.
 * @throws VastError `blocked` when it may have run and nothing says where its results are to go
 */
export async function destroyOrphan(context: Context, orphan: Orphan, order: CopyOutOrder): Promise<void> {
  const { row, mark, resource } = orphan;
  const label = row.label || `contract ${row.id}`;
  const copyOut = orderedCopyOut(orphan, order, label);
  await deleteInstance(context, String(row.id), {
    ...machineFactsOf(row),
    home: await homeOf(context),
    label,
    mark,
    resource: resource?.props.resource,
    volume: resource?.props.volume,
    copyOut,
    everRan: orphan.mayHaveRun,
  });
}

function orderedCopyOut(orphan: Orphan, { target, paths, waive }: CopyOutOrder, label: string): CopyOut | undefined {
  if (waive !== undefined || target !== undefined || paths !== undefined) {
    const parsed = copyOutSchema.safeParse({
      ...orphan.copyOut,
      target: target ?? orphan.copyOut?.target,
      paths: paths ?? orphan.copyOut?.paths,
      waive,
    });
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new VastError("config", `${label}: ${issue?.path.join(".")} ${issue?.message}`);
    }
    return parsed.data;
  }
  if (orphan.copyOut || !orphan.mayHaveRun) return orphan.copyOut;
  throw new VastError(
    "blocked",
    `${label}: contract ${orphan.row.id} may have run, and nothing says where its results are to go; it is kept`,
    { fix: "say so with --target and --paths, or give a written reason with --waive" },
  );
}

/** The host of a parked contract is back: its results are copied out, it is destroyed, and the record says so. */
export async function settleParked(context: Context, { record, host }: Parked): Promise<void> {
  const { contract, copyOut } = record;
  if (host === "gone") {
    context.log(
      `WARNING: ${record.label}: the parked contract ${contract} is gone from the account: it was destroyed elsewhere, and nothing was copied out of it after it was parked`,
    );
  }
  await deleteInstance(context, String(contract), {
    ...record,
    contractId: contract,
    machineId: record.machine,
    copyOut: copyOutSchema.parse(copyOut),
    everRan: true,
  });
  await clearParked(copyOut.target, contract, host === "gone" ? "gone from the account" : "copied out and destroyed");
}

/** Refuses, as every delete of a volume does, while it is used or while its content was not copied since its last use. */
export async function destroyOrphanVolume(
  context: Context,
  { row, name, resource }: OrphanVolume,
  { target, waive }: CopyOutOrder,
): Promise<void> {
  const declared = resource?.props.copyOut as { target?: Binding; waive?: string } | undefined;
  await removeVolume(context, String(row.id), {
    name,
    volumeId: row.id,
    home: await homeOf(context),
    resource: resource?.props.resource,
    copyOut: { target: target ?? declared?.target, waive: waive ?? declared?.waive },
  });
}
