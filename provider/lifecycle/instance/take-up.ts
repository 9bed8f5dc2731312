import { VastError } from "../../api/errors.ts";
import type { InstanceRow } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { misfit } from "../../fleet/place.ts";
import { markOf, rowsWithMark } from "../mark.ts";
import { mayHaveRun } from "./condition.ts";
import { type InstanceInputs, needOf } from "./inputs.ts";
import { newRecord, type Rental, removeDuplicates, StrandedError } from "./rental.ts";
import { mismatch, rentedMachine } from "./rented-machine.ts";

/** A contract of ours from an earlier try whose answer, engine or state was lost. */
export async function takeUp(context: Context, inputs: InstanceInputs): Promise<Rental | undefined> {
  // Contracts of this run's earlier resources do not matter here, so all creates of a run share one listing.
  const found = rowsWithMark((await context.sweeper.atMost(60)).rows, inputs.mark);
  const [row] = found;
  if (!row) return undefined;
  context.log(
    `${inputs.label}: contract ${row.id} already carries this resource's mark (an earlier run was cut short): taken up, nothing rented`,
  );
  if (found.length > 1) await removeDuplicates(context, inputs, found);
  const record = await newRecord(context, undefined, 0);
  const everRan = mayHaveRun(row);
  const rental = { row, record: { ...record, everRan }, fresh: false };
  const problem = mismatch(inputs, needOf(inputs), row);
  if (problem === undefined) return rental;
  const what = `it is of an earlier program and not what is asked for now (${problem}); \`pulumi up\` will replace it`;
  throw new StrandedError(new VastError("blocked", what), inputsOf(inputs, row), rental);
}

/** The inputs with which a contract of an earlier program was rented, as far as it shows: the next diff then replaces it. */
export function inputsOf(inputs: InstanceInputs, row: InstanceRow): InstanceInputs {
  const { gpu_name, num_gpus } = row;
  const machine = gpu_name && num_gpus && "gpu" in inputs.offer ? { gpu: [gpu_name], count: num_gpus } : {};
  return {
    ...inputs,
    disk: row.disk_space,
    bid: row.is_bid ? row.dph_base : undefined,
    offer: { ...inputs.offer, ...machine } as InstanceInputs["offer"],
  };
}

/** A contract that the user made elsewhere. It carries no mark: the state alone knows it. */
export async function adopt(context: Context, inputs: InstanceInputs, id: number): Promise<Rental> {
  const row = (await context.sweeper.since(context.clock.elapsedS())).rows.get(id);
  if (!row)
    throw new VastError("not-found", `${inputs.label}: adopt: contract ${id} is not in this account`, {
      fix: "check the id in the Vast console",
    });
  const mark = markOf(row);
  if (mark !== undefined && mark !== inputs.mark) {
    throw new VastError(
      "refused",
      `${inputs.label}: adopt: contract ${id} belongs to another resource (its mark is ${mark})`,
      { fix: "remove it from that stack first" },
    );
  }
  const problem = misfit({ ...needOf(inputs), diskGb: row.disk_space, bid: undefined }, rentedMachine(row));
  if (problem)
    throw new VastError("refused", `${inputs.label}: adopt: contract ${id} does not meet the criteria: ${problem}`);
  context.log(`${inputs.label}: contract ${id} taken into management, nothing rented`);
  return { row, record: { ...(await newRecord(context, undefined, 0)), everRan: true }, fresh: false };
}
