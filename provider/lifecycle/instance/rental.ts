import { VastError } from "../../api/errors.ts";
import type { InstanceRow } from "../../api/instances.ts";
import { type Context, homeOf } from "../../context.ts";
import { volumeUntouched } from "../../copy-out/volume-record.ts";
import { mayHaveRun } from "./condition.ts";
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
    if (mayHaveRun(row) && row.id !== rentedJustNow) {
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
      row.id,
      `${inputs.label}: contract ${row.id} is a duplicate of ${oldest.id} with nothing on it`,
    );
  }
  return oldest;
}

/** Destroys a contract on which nothing ever ran. */
async function discard(context: Context, id: number, why: string): Promise<void> {
  context.log(`${why}; destroying it`);
  await context.destroyer.destroy(id);
}

/** What cannot be destroyed goes on billing: it must not be forgotten. */
export async function discardOrKeep(
  context: Context,
  inputs: InstanceInputs,
  rental: Rental,
  why: string,
): Promise<void> {
  const { id } = rental.row;
  const target = inputs.copyOut?.target;
  try {
    const untouched = inputs.volume && target ? await neverRan(context, id) : false;
    await discard(context, id, why);
    if (untouched && inputs.volume && target) await volumeUntouched(target, inputs.volume.id, id);
  } catch (error) {
    throw new StrandedError(error, inputs, rental);
  }
}

/** As of now: the container may have run for a moment that no earlier look has seen. */
export async function neverRan(context: Context, id: number): Promise<boolean> {
  const row = (await context.sweeper.since(context.clock.elapsedS())).rows.get(id);
  return row !== undefined && !mayHaveRun(row);
}
