import type { InstanceRow } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import type { Binding } from "../../copy-out/inputs.ts";
import { listParked, parkedUrl, recordParked } from "../../copy-out/parked.ts";
import { usd } from "../../fleet/place.ts";
import { rowsWithMark } from "../mark.ts";
import type { InstanceInputs } from "./inputs.ts";
import type { InstanceState } from "./outputs.ts";

/** Forgets a contract whose host is offline in the state, not in S3: its successor is rented without it. */
export async function park(context: Context, state: InstanceState, row: InstanceRow, target: Binding): Promise<void> {
  await recordParked(target, {
    contract: row.id,
    mark: state.mark,
    ...(state.resource === undefined ? {} : { resource: state.resource }),
    label: state.label,
    home: state.home,
    machine: row.machine_id,
    since: new Date(context.clock.nowS() * 1000).toISOString(),
    dph: row.dph_total,
    copyOut: { ...state.copyOut, target, paths: state.copyOut?.paths ?? [] },
    ...(state.volume === undefined ? {} : { volume: state.volume }),
  });
  context.parking.done.add(row.id);
  context.log(
    `PARKED: ${state.label}: the host of contract ${row.id} (machine ${row.machine_id}) is offline, so its results cannot be copied out now. It is NOT destroyed: once the host is back it bills ${usd(row.dph_total)}/h until \`reconcile\` has copied its results out and destroyed it. On record in ${parkedUrl(target, row.id)}`,
  );
}

/**
 * The contracts that carry a resource's mark and are its own to take up, oldest first. One that was parked carries the
 * mark too: its successor must not take it for itself. `known` is one of which that is certain.
 */
export async function ownContracts(
  context: Context,
  inputs: Pick<InstanceInputs, "mark" | "copyOut">,
  rows: ReadonlyMap<number, InstanceRow>,
  known?: number,
): Promise<InstanceRow[]> {
  const marked = rowsWithMark(rows, inputs.mark).filter((row) => !context.parking.done.has(row.id));
  const target = inputs.copyOut?.target;
  if (!target || marked.every((row) => row.id === known)) return marked;
  const parked = await parkedIn(context, target);
  return marked.filter((row) => !parked.has(row.id));
}

function parkedIn(context: Context, target: Binding): Promise<ReadonlySet<number>> {
  const place = parkedUrl(target, 0);
  const known = context.parking.recorded.get(place);
  if (known) return known;
  const listed = listParked(target).then((all) => new Set(all.map(({ contract }) => contract)));
  context.parking.recorded.set(place, listed);
  listed.catch(() => context.parking.recorded.delete(place));
  return listed;
}
