import { VastError } from "../../api/errors.ts";
import { type Context, homeOf } from "../../context.ts";
import { proveTarget } from "../../copy-out/canary.ts";
import { type Age, onceRunning } from "../../copy-out/restore.ts";
import { ensureSchedule } from "../../copy-out/schedule.ts";
import { assertRecorded, volumeUsed } from "../../copy-out/volume-record.ts";
import { usd } from "../../fleet/place.ts";
import { bootOf } from "./boot.ts";
import { hasMetrics } from "./condition.ts";
import { expiredBeforeRental } from "./expiry.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";
import { factsOf } from "./outputs.ts";
import { plain } from "./read.ts";
import { waitUntilReady } from "./ready.ts";
import { rentOne } from "./rent.ts";
import { discardOrKeep, neverRan, type Rental, StrandedError } from "./rental.ts";
import { bringKeys } from "./ssh-keys.ts";
import { adopt, takeUp } from "./take-up.ts";
import { unfinished } from "./unfinished.ts";
import { DudError, waitUntilRunning } from "./wait.ts";

export interface Created {
  id: string;
  outs: Record<string, unknown>;
}

/**
 * Rents one machine for the resource, whatever goes wrong: a contract that already carries the resource's mark is taken
 * up instead, a lost answer is resolved by looking for the mark, and nothing is ever accepted twice (design.md,
 * "VastInstance", create). Throws with `id` and `properties` once a contract exists, so that the engine keeps it.
 */
export async function createInstance(context: Context, rawInputs: Record<string, unknown>): Promise<Created> {
  const { __provider, ...given } = rawInputs;
  const inputs = inputsSchema.parse(given);
  // Whose the machine will be has to be known before it is rented: its state records it.
  await homeOf(context);
  try {
    return await rentAndBringUp(context, inputs);
  } catch (error) {
    throw error instanceof StrandedError ? partially(error, __provider) : error;
  }
}

async function rentAndBringUp(context: Context, inputs: InstanceInputs): Promise<Created> {
  const name = inputs.label;
  const target = inputs.copyOut?.target;
  if (inputs.volume && target) await assertRecorded(context, name, target, inputs.volume.id);
  let rental = inputs.adopt === undefined ? await takeUp(context, inputs) : await adopt(context, inputs, inputs.adopt);
  const avoid = new Set<number>();
  let rented = 0;
  for (;;) {
    if (rental === undefined) {
      assertNotExpired(context, inputs);
      rental = await rentOne(context, inputs, avoid);
      rented += 1;
    }
    try {
      return await bringUp(context, inputs, rental);
    } catch (error) {
      const dud = await giveUp(context, inputs, rental, error);
      avoid.add(rental.row.machine_id);
      if (rented >= inputs.maxTries) throw noneStarted(name, rented, dud);
      rental = undefined;
    }
  }
}

/** Destroys a machine that does not start, so that another can be tried. @throws when there is no use in another */
async function giveUp(context: Context, inputs: InstanceInputs, rental: Rental, error: unknown): Promise<DudError> {
  if (!(error instanceof DudError)) throw new StrandedError(error, inputs, rental);
  if (!(await mayBeGivenUp(context, rental, error))) throw new StrandedError(error, inputs, lastSeen(rental, error));
  const { row } = rental;
  if (error.elsewhere && !inputs.volume) context.market.exclude(row.machine_id);
  await discardOrKeep(context, inputs, rental, `${inputs.label}: machine ${row.machine_id}: ${error.message}`);
  if (error.elsewhere) return error;
  throw new VastError("refused", `${inputs.label}: ${error.message}; contract ${row.id} was destroyed`, {
    fix: "check `image` and `imageLogin`",
  });
}

/** Nothing ever ran there. What an earlier run rented may have worked for hours, and what this one did, between two looks. */
async function mayBeGivenUp(context: Context, { fresh, record, row }: Rental, { seen }: DudError): Promise<boolean> {
  if (fresh) return seen === undefined || !hasMetrics(seen.row);
  // Not being able to tell is no proof.
  return !record.everRan && (await neverRan(context, row.id).catch(() => false));
}

function noneStarted(name: string, tries: number, last: DudError): VastError {
  return new VastError(
    "refused",
    `${name}: ${tries} machines in a row did not start; the last one: ${last.message}. All of them were destroyed`,
    { fix: "raise `bootTimeout` or `minReliability`, use a smaller image, or run `pulumi up` again later" },
  );
}

function assertNotExpired(context: Context, inputs: InstanceInputs): void {
  const expired = expiredBeforeRental(inputs, context.clock.nowS());
  if (expired === undefined) return;
  throw new VastError("refused", `${inputs.label}: expiresAt ${expired}`, {
    fix: "set a later `expiresAt`; nothing was rented",
  });
}

function lastSeen(rental: Rental, { seen }: DudError): Rental {
  return seen === undefined ? rental : { ...rental, row: seen.row, record: { ...rental.record, boot: seen.boot } };
}

async function bringUp(context: Context, inputs: InstanceInputs, rental: Rental): Promise<Created> {
  let { row } = rental;
  const target = inputs.copyOut?.target;
  if (inputs.volume && target) await volumeUsed(target, inputs.volume.id, row.id);
  await bringKeys(context, row.id, inputs.sshKeys);
  if (inputs.waitFor !== "created" && inputs.state === "running") {
    row = await waitUntilRunning(context, row.id, inputs, inputs.label);
    await proveTarget(context, inputs, row);
    row = await onceRunning(context, inputs, row, ageOf(inputs, rental));
    await waitUntilReady(context, row, inputs);
  }
  await ensureSchedule(context, inputs, row);
  const facts = factsOf(row, { ...rental.record, boot: bootOf(row, {}, context.clock) }, inputs);
  context.log(
    `${inputs.label}: contract ${row.id} is ${facts.status} at ${usd(facts.dph)}/h${facts.sshCommand ? `; ${facts.sshCommand}` : ""}`,
  );
  return { id: String(row.id), outs: plain({ ...inputs, ...facts }) };
}

/** How much may be on its disk already, which a restore must not overwrite. */
function ageOf(inputs: InstanceInputs, rental: Rental): Age {
  if (rental.fresh) return "fresh";
  return inputs.adopt === undefined ? "young" : "worked";
}

/** The engine keeps a resource whose create fails after the rental, with the reason, and the next up goes on with it. */
function partially({ message, inputs, rental }: StrandedError, provider: unknown): Error {
  // A refresh before the next up would see it run, and take what it should begin with for results of its own.
  const restorePending = inputs.restoreFrom !== undefined && inputs.adopt === undefined ? true : undefined;
  const facts = factsOf(rental.row, { ...rental.record, restorePending }, inputs);
  return unfinished("rented and kept in the state", message, { inputs, facts, provider });
}
