import { QUIET_HOLDS_S } from "../../api/destroyer.ts";
import type { InstanceRow } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { copyOutBefore } from "../../copy-out/gate.ts";
import { noteBeforeDestroy } from "../../copy-out/restore.ts";
import { removeSchedule } from "../../copy-out/schedule.ts";
import { volumeUsedAfterAll } from "../../copy-out/volume-record.ts";
import { waiverFor } from "../../copy-out/waiver.ts";
import { type Condition, conditionOf, mayHaveRun } from "./condition.ts";
import type { InstanceState } from "./outputs.ts";
import { park } from "./park.ts";
import { findContract } from "./read.ts";
import { destroyUnused } from "./rental.ts";

/** What a successor, rented in the same run, is better without. */
const LOST_ITS_MACHINE: ReadonlySet<Condition> = new Set([
  "starting",
  "host-error",
  "scheduling",
  "preempted",
  "offline",
]);

/**
 * The copy-out gate, then the destroy, then proof that it is gone. Deleting what is gone already succeeds. A contract whose
 * host is offline is parked instead when this run's diff has asked for it; a destroy runs no diff, and waits for the host.
 */
export async function deleteInstance(context: Context, id: string, props: Record<string, unknown>): Promise<void> {
  const state = props as unknown as InstanceState;
  let lookedAtS = context.clock.nowS();
  let row = await findContract(context, id, state, 0);
  if (!row) return sayGone(context, id, state);
  // A volume's instance has to come back to its machine, whatever happened there.
  if (LOST_ITS_MACHINE.has(conditionOf(row)) && !state.volume) context.market.exclude(row.machine_id);
  const target = state.copyOut?.target;
  if (target && shallPark(context, state, row)) return park(context, state, row, target);
  if (!state.everRan && !mayHaveRun(row) && state.volume) {
    // Its destroy frees the volume as one that nobody used: one that has come to run meanwhile is copied out instead.
    lookedAtS = context.clock.nowS();
    row = await findContract(context, id, state, 0);
    // Whoever destroyed it may have let it run before: that says nothing for its volume.
    if (!row) return sayGone(context, id, state);
  }
  let quietAtS: number | undefined;
  const hasRun = state.everRan || mayHaveRun(row);
  if (hasRun) {
    // An earlier destroy may have found it unused, and not come to pass.
    if (state.volume && target) await volumeUsedAfterAll(target, state.volume.id, row.id);
    const saved = await copyOutBefore(context, { state, row, purpose: "it is destroyed" });
    if (saved) quietAtS = context.clock.nowS();
    await noteBeforeDestroy(context, state, row);
  }
  await removeSchedule(context, state, row.id);
  await (hasRun
    ? context.destroyer.destroy(row.id, quietAtS, QUIET_HOLDS_S)
    : destroyUnused(context, state, row.id, lookedAtS));
  context.log(`${state.label}: contract ${id} is destroyed; the account's list no longer has it`);
}

function sayGone(context: Context, id: string, { label }: InstanceState): void {
  context.log(`${label}: contract ${id} is gone already`);
}

/** With a waiver nothing has to be copied, so nothing has to wait. */
function shallPark(context: Context, state: InstanceState, row: InstanceRow): boolean {
  return (
    context.parking.wanted.has(row.id) &&
    conditionOf(row) === "offline" &&
    waiverFor(context, state, state.label) === undefined
  );
}
