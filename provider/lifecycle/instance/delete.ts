import type { Context } from "../../context.ts";
import { copyOutBefore } from "../../copy-out/gate.ts";
import { volumeUntouched } from "../../copy-out/volume-record.ts";
import { mayHaveRun } from "./condition.ts";
import type { InstanceState } from "./outputs.ts";
import { findContract } from "./read.ts";

/** The copy-out gate, then the destroy, then proof that it is gone. Deleting what is gone already succeeds. */
export async function deleteInstance(context: Context, id: string, props: Record<string, unknown>): Promise<void> {
  const state = props as unknown as InstanceState;
  const row = await findContract(context, id, state, 0);
  if (!row) {
    context.log(`${state.label}: contract ${id} is gone already`);
    return;
  }
  const hasRun = state.everRan || mayHaveRun(row);
  if (hasRun) await copyOutBefore(context, { state, row, purpose: "it is destroyed" });
  await context.destroyer.destroy(row.id);
  const target = state.copyOut?.target;
  if (!hasRun && state.volume && target) await volumeUntouched(target, state.volume.id, row.id);
  context.log(`${state.label}: contract ${id} is destroyed; the account's list no longer has it`);
}
