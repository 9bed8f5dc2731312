import { isVastError, VastError } from "../../api/errors.ts";
import { type InstanceRow, rentOffer } from "../../api/instances.ts";
import { allInDph } from "../../api/offers.ts";
import type { Context } from "../../context.ts";
import { type Need, usd } from "../../fleet/place.ts";
import { MARK_VARIABLE } from "../mark.ts";
import { usersOnceReleased } from "../volume-users.ts";
import { type Choice, choose } from "./choose.ts";
import { mayHaveRun } from "./condition.ts";
import { rentRequest } from "./container.ts";
import type { InstanceInputs } from "./inputs.ts";
import { needOf, onDemand } from "./need.ts";
import type { RentalRecord } from "./outputs.ts";
import { ownContracts } from "./park.ts";
import { discardOrKeep, isYoung, newRecord, type Rental, removeDuplicates, StrandedError } from "./rental.ts";
import { mismatch, otherGpus } from "./rented-machine.ts";
import { assertOfThisProgram } from "./take-up.ts";
import { DudError, freshRow } from "./wait.ts";

/** A lost answer's contract shows in the list within this time, seconds; until then nothing else is accepted. */
const LOST_ANSWER_S = 90;
const LOOK_S = 10;

/** Search, choose, accept: until one offer is ours. Offers taken meanwhile are passed over. */
export async function rentOne(context: Context, inputs: InstanceInputs, avoid: ReadonlySet<number>): Promise<Rental> {
  const need = needOf(inputs, context.clock.nowS());
  const needs = inputs.fallback === "on-demand" ? [need, onDemand(need)] : [need];
  const refused: string[] = [];
  await assertVolumeFree(context, inputs);
  for (let tries = 0; tries < inputs.maxTries * 3; tries += 1) {
    const chosen = await choose(context, inputs, needs, avoid, refused);
    const { offer, alternatives } = chosen;
    context.log(`${inputs.label}: renting ${described(inputs, chosen)}`);
    try {
      const record = await newRecord(context, offer.id, alternatives);
      const id = await accept(context, inputs, chosen, record);
      if (id === undefined) continue;
      return await readBack(context, inputs, chosen.need, {
        row: unreadRow(inputs, chosen, id),
        record,
        fresh: true,
      });
    } catch (error) {
      context.market.release(inputs.mark);
      if (!(error instanceof DudError)) throw error;
      refused.push(error.message);
      context.market.taken(offer.id);
    }
  }
  throw new VastError(
    "refused",
    `${inputs.label}: no offer could be rented as shown: ${[...new Set(refused)].join("; ") || "all were taken meanwhile"}`,
    {
      fix: "widen `offer`, raise `maxDph`, or run `pulumi up` again",
    },
  );
}

/** A replacement comes right after the destroy of the instance that mounted the volume. */
async function assertVolumeFree(context: Context, inputs: InstanceInputs): Promise<void> {
  if (!inputs.volume) return;
  const users = await usersOnceReleased(context, inputs.volume.id);
  if (users.length === 0) return;
  throw new VastError(
    "refused",
    `${inputs.label}: volume ${inputs.volume.id} is used by instance ${users.join(", ")}; nothing was rented`,
    { fix: "destroy that instance first, or mount another volume" },
  );
}

function described(inputs: InstanceInputs, { offer, need, alternatives }: Choice): string {
  const price = `${usd(allInDph(offer, inputs.disk, need.bid))}/h all-in`;
  const kind = need.bid !== undefined ? " with a bid" : inputs.bid === undefined ? "" : " on demand (no bid fits)";
  const machine = `${offer.num_gpus}x ${offer.gpu_name} on machine ${offer.machine_id}`;
  return `offer ${offer.id}: ${machine}, ${price}${kind} (${alternatives} more match)`;
}

/** The id of the contract, or undefined when the offer was gone and nothing was rented. */
async function accept(
  context: Context,
  inputs: InstanceInputs,
  chosen: Choice,
  record: RentalRecord,
): Promise<number | undefined> {
  const { offer } = chosen;
  // A provider that outlived its engine would rent a machine that no state ever knows (pulumi-notes.md, SIGKILL).
  if (!(await context.engineIsAlive())) {
    throw new VastError("blocked", `${inputs.label}: the Pulumi engine is gone; nothing was rented`, {
      fix: "run `pulumi cancel`, then `pulumi up`",
    });
  }
  try {
    return await context.transport.call(rentOffer, offer.id, rentRequest(inputs, chosen.need.bid));
  } catch (error) {
    if (isVastError(error, "offer-gone")) {
      await discardFailed(context, inputs, chosen, record, error);
      context.market.taken(offer.id);
      context.market.release(inputs.mark);
      context.log(`${inputs.label}: offer ${offer.id} was taken meanwhile; going on to the next`);
      return undefined;
    }
    if (isVastError(error, "unsure", "unexpected")) return lostAnswer(context, inputs, error);
    if (isVastError(error)) await discardFailed(context, inputs, chosen, record, error);
    throw error;
  }
}

/** An error that carries a contract id: the machine was rented all the same, stopped, and bills its disk (vast-api.md 3.1). */
async function discardFailed(
  context: Context,
  inputs: InstanceInputs,
  chosen: Choice,
  record: RentalRecord,
  error: VastError,
): Promise<void> {
  if (error.contractId === undefined) return;
  const rental = { row: unreadRow(inputs, chosen, error.contractId), record, fresh: true };
  const why = `${inputs.label}: the service refused ("${error.message}") and still made contract ${error.contractId}`;
  await discardOrKeep(context, inputs, rental, why);
}

/** What is known of a contract before the list has shown it: what was asked for. */
function unreadRow(inputs: InstanceInputs, { offer, need }: Choice, id: number): InstanceRow {
  const { machine_id, host_id, gpu_name, num_gpus, gpu_ram, dph_base, storage_cost } = offer;
  return {
    ...{ id, machine_id, host_id, gpu_name, num_gpus, gpu_ram, storage_cost },
    actual_status: null,
    extra_env: [[MARK_VARIABLE, inputs.mark]],
    is_bid: need.bid !== undefined,
    dph_base: need.bid ?? dph_base,
    dph_total: allInDph(offer, inputs.disk, need.bid),
    disk_space: inputs.disk,
  };
}

/** The answer to an accept is lost: the mark tells whether a contract came of it. It is never sent again. */
async function lostAnswer(context: Context, inputs: InstanceInputs, cause: VastError): Promise<number> {
  const { clock } = context;
  context.log(`${inputs.label}: the answer to the rental was lost; looking for its contract`);
  const deadline = clock.elapsedS() + LOST_ANSWER_S;
  for (;;) {
    const { rows } = await context.sweeper.since(clock.elapsedS());
    const [row] = await ownContracts(context, inputs, rows);
    if (row) return row.id;
    if (clock.elapsedS() > deadline) {
      throw new VastError(
        "unsure",
        `${inputs.label}: the answer to the rental was lost and no contract with this resource's mark appeared in ${LOST_ANSWER_S} s; nothing else was rented`,
        {
          fix: "run `pulumi up` again: it looks for the contract first",
          cause,
        },
      );
    }
    await clock.sleep(LOOK_S);
  }
}

/** Compares what was rented with what was asked and offered: price, kind, disk and GPUs (user-pains 8, 10, 23, 25). A mismatch is destroyed. */
async function readBack(context: Context, inputs: InstanceInputs, need: Need, rental: Rental): Promise<Rental> {
  let kept = rental;
  try {
    const row = await freshRow(context, rental.row.id);
    kept = { ...rental, row };
    const same = await ownContracts(context, inputs, (await context.sweeper.atMost(60)).rows, row.id);
    if (same.length > 1) kept = takenUp(await removeDuplicates(context, inputs, same, row.id), kept);
  } catch (error) {
    throw new StrandedError(error, inputs, kept);
  }
  if (!kept.fresh) {
    assertOfThisProgram(context, inputs, kept);
    return kept;
  }
  const problem = mismatch(inputs, need, kept.row) ?? otherGpus(rental.row, kept.row);
  if (problem === undefined) return kept;
  const what = `${inputs.label}: contract ${kept.row.id} is not what was asked for: ${problem}`;
  if (mayHaveRun(kept.row) && !isYoung(context, kept.row)) throw new StrandedError(new Error(what), inputs, kept);
  await discardOrKeep(context, inputs, kept, what);
  throw new DudError(problem, true);
}

/** The rental, when the contract is the one of this very call; else one whose past is not known. */
function takenUp(row: InstanceRow, rental: Rental): Rental {
  if (row.id === rental.row.id) return { ...rental, row };
  const record = { ...rental.record, offerId: undefined, everRan: mayHaveRun(row) };
  return { row, record, fresh: false };
}
