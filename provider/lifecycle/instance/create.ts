import { VastError } from "../../api/errors.ts";
import { attachSshKey } from "../../api/instances.ts";
import { type Context, homeOf } from "../../context.ts";
import { assertRecorded, volumeUsed } from "../../copy-out/volume-record.ts";
import { usd } from "../../fleet/place.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";
import { factsOf } from "./outputs.ts";
import { plain } from "./read.ts";
import { rentOne } from "./rent.ts";
import { discardOrKeep, type Rental, StrandedError } from "./rental.ts";
import { adopt, takeUp } from "./take-up.ts";
import { DudError, waitUntilReady, waitUntilRunning } from "./wait.ts";

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
  for (let attempt = 1; ; attempt += 1) {
    rental ??= await rentOne(context, inputs, avoid);
    try {
      return await bringUp(context, inputs, rental);
    } catch (error) {
      // What an earlier run rented may have worked for hours: only a machine of this very call is given up unasked.
      if (!(error instanceof DudError) || !rental.fresh) throw new StrandedError(error, inputs, rental);
      const { row } = rental;
      avoid.add(row.machine_id);
      await discardOrKeep(context, inputs, rental, `${name}: machine ${row.machine_id}: ${error.message}`);
      if (!error.elsewhere)
        throw new VastError("refused", `${name}: ${error.message}; contract ${row.id} was destroyed`, {
          fix: "check `image` and `imageLogin`",
        });
      if (attempt >= inputs.maxTries) {
        throw new VastError(
          "refused",
          `${name}: ${attempt} machines in a row did not start; the last one: ${error.message}. All of them were destroyed`,
          {
            fix: "raise `bootTimeout` or `minReliability`, use a smaller image, or run `pulumi up` again later",
          },
        );
      }
      rental = undefined;
    }
  }
}

async function bringUp(context: Context, inputs: InstanceInputs, rental: Rental): Promise<Created> {
  let { row } = rental;
  const target = inputs.copyOut?.target;
  if (inputs.volume && target) await volumeUsed(target, inputs.volume.id, row.id);
  for (const key of inputs.sshKeys) await context.transport.call(attachSshKey, row.id, key);
  if (inputs.waitFor !== "created" && inputs.state === "running") {
    row = await waitUntilRunning(context, row.id, inputs, inputs.label);
    await waitUntilReady(context, row.id, inputs, inputs.label);
  }
  const facts = factsOf(row, rental.record);
  context.log(
    `${inputs.label}: contract ${row.id} is ${facts.status} at ${usd(facts.dph)}/h${facts.sshCommand ? `; ${facts.sshCommand}` : ""}`,
  );
  return { id: String(row.id), outs: plain({ ...inputs, ...facts }) };
}

/** The engine keeps a resource whose create fails after the rental, with the reason, and the next up goes on with it. */
function partially({ message, inputs, rental }: StrandedError, provider: unknown): Error {
  const properties = { ...inputs, ...factsOf(rental.row, rental.record), __provider: provider };
  const failure = new VastError(
    "blocked",
    `${inputs.label}: contract ${rental.row.id} is rented and kept in the state, but not finished: ${message}`,
  );
  return Object.assign(failure, {
    id: String(rental.row.id),
    properties: JSON.parse(JSON.stringify(properties)) as unknown,
    reasons: [message],
  });
}
