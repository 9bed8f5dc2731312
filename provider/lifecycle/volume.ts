import { isVastError, VastError } from "../api/errors.ts";
import { deleteVolume, listVolumes, type VolumeRow } from "../api/volumes.ts";
import { assertHome, type Context, type Home, homeOf } from "../context.ts";
import { openBucket } from "../copy-out/bucket.ts";
import { neverUsed, volumeRented, volumeRetargeted, whyUnsaved } from "../copy-out/volume-record.ts";
import { waiverFor } from "../copy-out/waiver.ts";
import { changesOf } from "./changes.ts";
import type { DiffResult } from "./instance/diff.ts";
import { plain, type ReadResult } from "./instance/read.ts";
import { markedVolumeName } from "./mark.ts";
import { type VolumeFacts, type VolumeInputs, type VolumeState, volumeInputsSchema } from "./volume-inputs.ts";
import { place, rentFirst } from "./volume-placement.ts";
import { usersOnceReleased } from "./volume-users.ts";

export async function createVolume(
  context: Context,
  raw: Record<string, unknown>,
): Promise<{ id: string; outs: Record<string, unknown> }> {
  const { __provider, ...given } = raw;
  const inputs = volumeInputsSchema.parse(given);
  const existing = await oneByName(context, inputs);
  if (existing) {
    context.log(`${inputs.name}: volume ${existing.id} already carries this resource's mark: taken up, nothing rented`);
    return created(context, inputs, existing, false);
  }
  // A bucket that cannot be used is found out before anything bills.
  if (inputs.copyOut?.target) await openBucket(inputs.copyOut.target).assertUsable();
  const offers = await place(context, inputs);
  if (!(await context.engineIsAlive()))
    throw new VastError("blocked", `${inputs.name}: the Pulumi engine is gone; nothing was rented`, {
      fix: "run `pulumi cancel`, then `pulumi up`",
    });
  const rented = await rentFirst(context, inputs, offers);
  const row = await oneByName(context, inputs, rented);
  if (!row)
    throw new VastError(
      "unsure",
      `${inputs.name}: the volume was asked for but is not listed; nothing else was rented`,
      { fix: "run `pulumi up` again: it looks for it first" },
    );
  return created(context, inputs, row, rented === undefined || row.id === rented);
}

async function created(
  context: Context,
  inputs: VolumeInputs,
  row: VolumeRow,
  isNew: boolean,
): Promise<{ id: string; outs: Record<string, unknown> }> {
  const target = inputs.copyOut?.target;
  if (target) await volumeRented(target, row.id, isNew);
  return { id: String(row.id), outs: outsOf(inputs, factsOf(row, await homeOf(context))) };
}

/** `machineId` is an input (where it must be) and an output (where it is): the output keeps the name, for instances to follow. */
function outsOf(inputs: VolumeInputs, facts: VolumeFacts): Record<string, unknown> {
  const { machineId, ...rest } = inputs;
  return plain({ ...rest, ...facts, pinnedMachineId: machineId });
}

function factsOf(row: VolumeRow, home: Home): VolumeFacts {
  return {
    home,
    volumeId: row.id,
    machineId: row.machine_id,
    dph: row.storage_total_cost ?? 0,
    status: row.status ?? "",
  };
}

/**
 * The volume with the resource's mark. Several: a provider outlived its engine and rented at the same moment; everybody who
 * sees them keeps the oldest, so that two processes cannot each delete the other's.
 */
async function oneByName(
  context: Context,
  inputs: VolumeInputs,
  rentedJustNow?: number,
): Promise<VolumeRow | undefined> {
  const name = markedVolumeName(inputs.name, inputs.mark);
  const rows = (await context.transport.call(listVolumes)).filter((row) => row.label === name);
  const [oldest, ...others] = rows.toSorted((a, b) => a.id - b.id);
  for (const row of others) if (row.id !== rentedJustNow) await assertNeverUsed(inputs, row);
  for (const row of others) {
    context.log(`${inputs.name}: volume ${row.id} is a duplicate of ${oldest?.id} with nothing on it; deleting it`);
    await deleteAndProve(context, row.id, inputs.name);
  }
  return oldest;
}

async function assertNeverUsed(inputs: VolumeInputs, row: VolumeRow): Promise<void> {
  const target = inputs.copyOut?.target;
  const inUse = row.status === "in-use" || (row.instances ?? []).length > 0;
  if (!inUse && (target === undefined || (await neverUsed(target, row.id)))) return;
  throw new VastError(
    "blocked",
    `${inputs.name}: volume ${row.id} carries this resource's mark too and may hold something; all of them are kept`,
    { fix: "look at both and delete one in the Vast console, then run `pulumi up` again" },
  );
}

export async function readVolume(context: Context, id: string, props: Record<string, unknown>): Promise<ReadResult> {
  const { __provider, ...state } = props;
  const row = await findVolume(context, id, state as unknown as VolumeState);
  if (!row) {
    context.log(`${String(state.name)}: volume ${id} is gone from the account`);
    return {};
  }
  const home = (state.home as Home | undefined) ?? (await homeOf(context));
  return { id, props: plain({ ...state, ...factsOf(row, home) }) };
}

async function findVolume(context: Context, id: string, state: Partial<VolumeState>): Promise<VolumeRow | undefined> {
  await assertHome(context, state.home, `${state.name ?? "volume"} (volume ${id})`);
  const rows = await context.transport.call(listVolumes);
  return rows.find((row) => row.id === Number(id));
}

/** Fixed for life (vast-api.md 4). */
export const VOLUME_REPLACES: readonly string[] = ["size", "machineId", "name", "mark"];
/** Where it was placed stays right when the instance's criteria change later. */
export const VOLUME_NOT_COMPARED: readonly string[] = ["placeWith", "resource"];

export async function diffVolume(
  context: Context,
  id: string,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Promise<DiffResult> {
  // The output `machineId` is where it is; what the user asked for is kept beside it.
  const keys = Object.keys(volumeInputsSchema.shape).filter((key) => !VOLUME_NOT_COMPARED.includes(key));
  const changed = changesOf(volumeInputsSchema, keys, { ...olds, machineId: olds.pinnedMachineId }, news);
  const replaces = VOLUME_REPLACES.filter((key) => changed.has(key));
  if (!(await findVolume(context, id, olds as unknown as VolumeState))) {
    context.log(`${String(news.name)}: volume ${id} is gone → \`up\` replaces it`);
    replaces.push("volumeId");
  }
  return { changes: changed.size > 0 || replaces.length > 0, replaces, deleteBeforeReplace: true };
}

export async function updateVolume(
  _context: Context,
  _id: string,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Promise<{ outs: Record<string, unknown> }> {
  const { __provider, ...given } = news;
  const { home, volumeId, machineId, dph, status, copyOut } = olds as unknown as VolumeState;
  const inputs = volumeInputsSchema.parse(given);
  if (inputs.copyOut?.target) await volumeRetargeted(copyOut?.target, inputs.copyOut.target, volumeId);
  return { outs: outsOf(inputs, { home, volumeId, machineId, dph, status }) };
}

/** Refuses while an instance uses it, and while what it holds has not been copied since its last use. */
export async function removeVolume(context: Context, id: string, props: Record<string, unknown>): Promise<void> {
  const state = props as unknown as VolumeState;
  const row = await findVolume(context, id, state);
  if (!row) return context.log(`${state.name}: volume ${id} is gone already`);
  // First: right after the destroy of its instance it is still shown as in use.
  const users = await usersOnceReleased(context, row.id, row);
  if (users.length > 0) {
    throw new VastError("blocked", `${state.name}: volume ${id} is used by instance ${users.join(", ")}; it is kept`, {
      fix: "destroy the instance first (in a stack: let the instance depend on the volume)",
    });
  }
  await assertSaved(context, state, row);
  await deleteAndProve(context, row.id, state.name);
  context.log(`${state.name}: volume ${id} is deleted`);
}

async function deleteAndProve(context: Context, id: number, name: string): Promise<void> {
  await context.transport.call(deleteVolume, id).catch((error: unknown) => {
    if (!isVastError(error, "not-found")) throw error;
  });
  const rows = await context.transport.call(listVolumes);
  if (rows.every((row) => row.id !== id)) return;
  throw new VastError("unexpected", `${name}: volume ${id} is still listed after its delete; it may still bill`, {
    fix: "run the same command again",
  });
}

async function assertSaved(context: Context, state: VolumeState, row: VolumeRow): Promise<void> {
  const waived = waiverFor(context, state, state.name);
  if (waived !== undefined)
    return context.log(
      `WAIVED: ${state.name} (volume ${row.id}) is deleted WITHOUT a check that its content was copied. Reason given: ${waived}`,
    );
  const target = state.copyOut?.target;
  if (!target) {
    throw new VastError(
      "blocked",
      `${state.name}: volume ${row.id} names no copy-out target, so nobody knows whether its content is safe; it is kept`,
      {
        fix: "declare `copyOut: { target }` (the target of the instance that mounts it) or a reason in `copyOut.waive`",
      },
    );
  }
  const usedBySomebody = row.status === "in-use" && (row.instances ?? []).length === 0;
  const why = await whyUnsaved(target, row.id, usedBySomebody);
  if (why !== undefined) {
    throw new VastError("blocked", `${state.name}: volume ${row.id} ${why}; it is kept`, {
      fix: "a detached volume cannot be read: mount it in an instance with a copy-out once more, or give a reason in `copyOut.waive`",
    });
  }
}
