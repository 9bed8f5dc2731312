import { isVastError, VastError } from "../../api/errors.ts";
import { type InstanceRow, showInstance } from "../../api/instances.ts";
import { type Context, homeOf } from "../../context.ts";
import { volumeUntouched, volumeUsedAfterAll } from "../../copy-out/volume-record.ts";
import { mayHaveRun } from "./condition.ts";
import { serviceNowS } from "./expiry.ts";
import type { InstanceInputs } from "./inputs.ts";
import type { RentalRecord } from "./outputs.ts";

export interface Rental {
  row: InstanceRow;
  record: RentalRecord;
  /** Rented by this very call: until it ran there is nothing of value on its disk. */
  fresh: boolean;
}

export async function newRecord(
  context: Context,
  offerId: number | undefined,
  alternatives: number,
): Promise<RentalRecord> {
  return { home: await homeOf(context), alternatives, offerId, everRan: false };
}

/** A contract exists that could neither be brought up nor destroyed: the engine has to keep it in the state. */
export class StrandedError extends Error {
  readonly rental: Rental;
  /** As they hold for the contract; others than the program's where the contract is of an earlier program. */
  readonly inputs: InstanceInputs;

  constructor(cause: unknown, inputs: InstanceInputs, rental: Rental) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.rental = rental;
    this.inputs = inputs;
  }
}

/**
 * Two contracts with one mark: an earlier provider outlived its engine and rented at the same moment. The older one is
 * kept by everybody who sees both, so that two processes cannot each destroy the other's.
 */
export async function removeDuplicates(
  context: Context,
  inputs: InstanceInputs,
  rows: InstanceRow[],
  rentedJustNow?: number,
): Promise<InstanceRow> {
  const [oldest, ...others] = rows;
  if (!oldest) throw new VastError("unexpected", `${inputs.label}: no contract with its mark`);
  for (const row of others) {
    if (mayHaveRun(row) && !(row.id === rentedJustNow && isYoung(context, row))) {
      throw new VastError(
        "blocked",
        `${inputs.label}: contracts ${oldest.id} and ${row.id} both carry this resource's mark and ${row.id} may have run already (it is ${row.actual_status}); both are kept`,
        {
          fix: `look at both and destroy one in the Vast console, then run \`pulumi up\` again`,
        },
      );
    }
    await discard(
      context,
      inputs,
      row.id,
      `${inputs.label}: contract ${row.id} is a duplicate of ${oldest.id} with nothing on it`,
    );
  }
  return oldest;
}

/** Younger than this, what a container may have made is not worth keeping, seconds. */
const YOUNG_S = 900;

/** By the service's clock: this process may have stood still for an hour since its rental (a machine that slept). */
export function isYoung({ clock }: Context, row: InstanceRow): boolean {
  return typeof row.start_date === "number" && serviceNowS(row, clock) - row.start_date < YOUNG_S;
}

/** Destroys a contract on which nothing ever ran. */
async function discard(context: Context, inputs: Mounting, id: number, why: string): Promise<void> {
  context.log(`${why}; destroying it`);
  await destroyUnused(context, inputs, id);
}

type Mounting = Pick<InstanceInputs, "volume" | "copyOut">;

/**
 * Destroys a contract that never ran. That nothing was written on its volume is noted first: a process killed after the
 * destroy notes nothing any more, and nobody could tell from then on.
 *
 * @param lookedAtS of one that is in the state, epoch seconds: when it was seen never to have run
 */
export async function destroyUnused(
  context: Context,
  { volume, copyOut }: Mounting,
  id: number,
  lookedAtS?: number,
): Promise<void> {
  const target = copyOut?.target;
  if (!volume || !target) return context.destroyer.destroy(id, lookedAtS);
  if (lookedAtS !== undefined || (await neverRan(context, id))) await volumeUntouched(target, volume.id, id);
  try {
    await context.destroyer.destroy(id, lookedAtS);
  } catch (error) {
    await volumeUsedAfterAll(target, volume.id, id);
    throw error;
  }
}

/** What cannot be destroyed goes on billing: it must not be forgotten. */
export async function discardOrKeep(
  context: Context,
  inputs: InstanceInputs,
  rental: Rental,
  why: string,
): Promise<void> {
  try {
    await discard(context, inputs, rental.row.id, why);
  } catch (error) {
    throw new StrandedError(error, inputs, rental);
  }
}

/** As of now: the container may have run for a moment that no earlier look has seen. */
export async function neverRan(context: Context, id: number): Promise<boolean> {
  const listed = (await context.sweeper.since(context.clock.elapsedS())).rows.get(id);
  // A list has left out living contracts, each for a moment (vast-api.md 9.6).
  const row = listed ?? (await context.transport.call(showInstance, id).catch(nothingThere));
  return row != null && !mayHaveRun(row);
}

function nothingThere(error: unknown): undefined {
  if (!isVastError(error, "not-found")) throw error;
}
