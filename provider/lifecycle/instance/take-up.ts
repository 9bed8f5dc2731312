import { VastError } from "../../api/errors.ts";
import type { InstanceRow } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { misfit } from "../../fleet/place.ts";
import { markOf } from "../mark.ts";
import { withinBids } from "./bids.ts";
import { mayHaveRun } from "./condition.ts";
import { containerDifferences, containerInputsOf } from "./container.ts";
import type { InstanceInputs } from "./inputs.ts";
import { needOf, needOfRented } from "./need.ts";
import { ownContracts } from "./park.ts";
import { newRecord, type Rental, removeDuplicates, StrandedError } from "./rental.ts";
import { mismatch, rentedMachine } from "./rented-machine.ts";

/** A contract of ours from an earlier try whose answer, engine or state was lost. */
export async function takeUp(context: Context, inputs: InstanceInputs): Promise<Rental | undefined> {
  // Contracts of this run's earlier resources do not matter here, so all creates of a run share one listing.
  const found = await ownContracts(context, inputs, (await context.sweeper.atMost(60)).rows);
  const [row] = found;
  if (!row) return undefined;
  context.log(
    `${inputs.label}: contract ${row.id} already carries this resource's mark (an earlier run was cut short): taken up, nothing rented`,
  );
  const record = await newRecord(context, undefined, 0);
  const everRan = mayHaveRun(row);
  const rental = { row, record: { ...record, everRan }, fresh: false };
  if (found.length > 1) {
    await removeDuplicates(context, inputs, found).catch((error: unknown) => {
      // Whatever becomes of the others, the oldest bills and must not stay unknown to every state.
      throw new StrandedError(error, inputs, rental);
    });
  }
  assertOfThisProgram(context, inputs, rental);
  return rental;
}

/**
 * A contract of an earlier run may be of an earlier program too.
 * @throws StrandedError with the inputs as they hold for the contract, so that the next diff sees what differs
 */
export function assertOfThisProgram(context: Context, inputs: InstanceInputs, rental: Rental): void {
  const { row } = rental;
  const problem = mismatch(inputs, needOfRented(inputs, row.is_bid, context.clock.nowS()), row);
  const differences = containerDifferences(row, inputs);
  if (problem === undefined && differences.length === 0) return;
  const replaced = problem !== undefined || differences.includes("ports");
  const how = replaced ? "replace it" : "copy its files out and recreate its container";
  const what = problem ?? `its ${differences.join(", ")} ${differences.length === 1 ? "differs" : "differ"}`;
  throw new StrandedError(
    new VastError(
      "blocked",
      `it is of an earlier program and not what is asked for now (${what}); \`pulumi up\` will ${how}`,
    ),
    inputsOf(inputs, row),
    rental,
  );
}

/** The inputs with which a contract of an earlier program was rented, as far as it shows. */
function inputsOf(inputs: InstanceInputs, row: InstanceRow): InstanceInputs {
  const { gpu_name, num_gpus } = row;
  const machine = gpu_name && num_gpus && "gpu" in inputs.offer ? { gpu: [gpu_name], count: num_gpus } : {};
  return {
    ...inputs,
    ...containerInputsOf(row, inputs),
    disk: row.disk_space,
    bid: bidOf(inputs, row),
    offer: { ...inputs.offer, ...machine } as InstanceInputs["offer"],
  };
}

/** A bid that the program allows stays as it says it, and so does one that its fallback has done without. */
function bidOf(inputs: InstanceInputs, row: InstanceRow): number | undefined {
  if (!row.is_bid) return inputs.fallback === undefined ? undefined : inputs.bid;
  return withinBids(row.dph_base, inputs) ? inputs.bid : row.dph_base;
}

/** A contract that the user made elsewhere. It carries no mark: the state alone knows it. */
export async function adopt(context: Context, inputs: InstanceInputs, id: number): Promise<Rental> {
  const row = (await context.sweeper.since(context.clock.elapsedS())).rows.get(id);
  if (!row)
    throw new VastError("not-found", `${inputs.label}: adopt: contract ${id} is not in this account`, {
      fix: "check the id in the Vast console; once an adopted contract is gone, take `adopt` out of the program to rent a new one",
    });
  const mark = markOf(row);
  if (mark !== undefined && mark !== inputs.mark) {
    throw new VastError(
      "refused",
      `${inputs.label}: adopt: contract ${id} belongs to another resource (its mark is ${mark})`,
      { fix: "remove it from that stack first" },
    );
  }
  assertFixedForLife(inputs, row);
  const problem = misfit(
    { ...needOf(inputs, context.clock.nowS()), diskGb: row.disk_space, bid: undefined },
    rentedMachine(row),
  );
  if (problem)
    throw new VastError("refused", `${inputs.label}: adopt: contract ${id} does not meet the criteria: ${problem}`);
  context.log(`${inputs.label}: contract ${id} taken into management, nothing rented`);
  return { row, record: { ...(await newRecord(context, undefined, 0)), everRan: true }, fresh: false };
}

/** What no update can change would make the next diff replace the machine that was just adopted. */
function assertFixedForLife(inputs: InstanceInputs, row: InstanceRow): void {
  const refuse = (what: string, fix: string): never => {
    throw new VastError("refused", `${inputs.label}: adopt: contract ${row.id} ${what}; nothing was changed`, { fix });
  };
  if (row.disk_space !== inputs.disk)
    refuse(`has a disk of ${row.disk_space} GB, the program says ${inputs.disk}`, `set \`disk: ${row.disk_space}\``);
  if (row.is_bid && inputs.bid === undefined)
    refuse("is interruptible, the program says on demand", `set \`bid: ${row.dph_base}\``);
  if (!row.is_bid && inputs.bid !== undefined && inputs.fallback === undefined)
    refuse("is rented on demand, the program bids for it", "take `bid` out of the program");
}
