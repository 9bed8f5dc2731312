import { isVastError, VastError } from "../../api/errors.ts";
import { type InstanceRow, showInstance } from "../../api/instances.ts";
import { assertHome, type Context } from "../../context.ts";
import { withinBids } from "./bids.ts";
import { bootOf, type Recorded } from "./boot.ts";
import { conditionOf, isDown } from "./condition.ts";
import { pastExpiry } from "./expiry.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";
import { factsOf, type InstanceState } from "./outputs.ts";
import { lostKeys } from "./ssh-keys.ts";

/** Reads of one engine run share a listing of at most this age, seconds of the service. */
export const READ_MAX_AGE_S = 120;

/**
 * The contract's row, or undefined on proof that it is gone: right account and endpoint, absent from a complete listing,
 * and the single read agrees, twice (design.md, "VastInstance", read). Anything less is an error.
 */
export async function findContract(
  context: Context,
  id: string,
  state: Partial<InstanceState>,
  maxAgeS = READ_MAX_AGE_S,
): Promise<InstanceRow | undefined> {
  const contractId = Number(id);
  const name = `${state.label ?? "instance"} (contract ${id})`;
  if (!Number.isInteger(contractId))
    throw new VastError("config", `"${id}" is no contract id`, {
      fix: "import with the number that `vastai show instances` prints",
    });
  await assertHome(context, state.home, name);
  const listed = (await context.sweeper.atMost(maxAgeS)).rows.get(contractId);
  return listed ?? (await lookAgain(context, contractId));
}

/** Both reads have missed living contracts, each for a moment (vast-api.md 3.2, 9.6): proof takes two looks with both. */
const LOOKS = 2;
const LOOK_AGAIN_S = 5;

async function lookAgain(context: Context, id: number): Promise<InstanceRow | undefined> {
  const { clock, sweeper, transport } = context;
  for (let look = 1; ; look += 1) {
    const shown = await transport.call(showInstance, id).catch((error: unknown) => {
      if (isVastError(error, "not-found")) return null;
      throw error;
    });
    if (shown) return shown;
    // A listing from before the contract existed proves nothing about it.
    const listed = (await sweeper.since(clock.elapsedS())).rows.get(id);
    if (listed || look === LOOKS) return listed;
    await clock.sleep(LOOK_AGAIN_S);
  }
}

export interface ReadResult {
  id?: string;
  props?: Record<string, unknown>;
  inputs?: Record<string, unknown>;
}

/** Current facts, and drift in what can be changed from outside: label, running or stopped, bid, template, SSH keys. */
export async function readInstance(context: Context, id: string, props: Record<string, unknown>): Promise<ReadResult> {
  const { __provider, ...rest } = props;
  const state = rest as unknown as InstanceState;
  const row = await findContract(context, id, state);
  if (!row) {
    context.log(`${state.label}: contract ${id} is gone from the account`);
    return {};
  }
  const home = state.home ?? { endpoint: context.config.endpoint, accountId: (await context.account()).id };
  const record = {
    home,
    alternatives: state.alternatives ?? 0,
    offerId: state.offerId,
    everRan: state.everRan ?? true,
    restorePending: state.restorePending,
    gpuTaken: isDown(row) ? state.gpuTaken : undefined,
    boot: bootOf(row, state as Recorded, context.clock),
  };
  const facts = factsOf(row, record, state);
  const inputs = await driftedInputs(context, pickInputs(state), row);
  return { id, props: plain({ ...inputs, ...facts }), inputs: plain(inputs) };
}

/** The inputs among a state's outputs. */
export function pickInputs(state: Record<string, unknown> | InstanceState): InstanceInputs {
  const record = state as Record<string, unknown>;
  const keys = Object.keys(inputsSchema.shape).filter((key) => record[key] !== undefined);
  return Object.fromEntries(keys.map((key) => [key, record[key]])) as unknown as InstanceInputs;
}

async function driftedInputs(context: Context, inputs: InstanceInputs, row: InstanceRow): Promise<InstanceInputs> {
  const drifted: InstanceInputs = { ...inputs };
  // The service may answer an unset label with null or "".
  if ((row.label ?? "") !== inputs.label) drifted.label = row.label ?? "";
  const condition = conditionOf(row);
  // Stopped is what an instance past its expiry should be.
  const stays = pastExpiry(inputs, row, context.clock) !== undefined;
  if (stays) drifted.state = inputs.state;
  else if (isDown(row)) drifted.state = "stopped";
  else if (condition === "running") drifted.state = "running";
  if (inputs.bid !== undefined && row.is_bid && !withinBids(row.dph_base, inputs)) drifted.bid = row.dph_base;
  if (inputs.template !== undefined && row.template_hash_id != null) drifted.template = row.template_hash_id;
  const lost = new Set(await lostKeys(context, row, inputs));
  if (lost.size > 0) drifted.sshKeys = inputs.sshKeys.filter((key) => !lost.has(key));
  return drifted;
}

/** As the engine stores it: no undefined, no class instances. */
export function plain(value: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
}
