import type { Context } from "pulumi-vast/internal/context";
import { type FleetCost, fleetCost } from "pulumi-vast/internal/fleet/cost";
import { type Kept, priceWorkers } from "pulumi-vast/internal/lifecycle/market-price";
import type { Fleets, Worker } from "../fleet/read.ts";
import type { PlannedChanges } from "../stack/preview.ts";
import { nameOf } from "../stack/state.ts";

/** Each worker to rent gets a machine of its own, as the provider would choose it; the others cost what they do. */
export async function expectedCosts(
  context: Context,
  { workers, fleets }: Fleets,
  { declared, steps }: PlannedChanges,
): Promise<FleetCost[]> {
  const rented = new Set(steps.filter(({ op }) => op === "create" || op === "replace").map(({ urn }) => urn));
  const instances = declared.filter(({ type }) => type === "Instance");
  const planned = instances.map(({ urn, inputs }) => ({
    name: nameOf(urn),
    inputs,
    kept: rented.has(urn) ? undefined : keptOf(workers.find((worker) => worker.urn === urn)),
  }));
  const prices = await priceWorkers(context, planned);
  const fleetOf = new Map(instances.map(({ urn, parent = "" }) => [nameOf(urn), nameOf(parent)]));
  const names = new Set([...fleets.map(({ name }) => name), ...fleetOf.values()]);
  return [...names].toSorted().map((fleet) =>
    fleetCost(
      fleet,
      prices.filter(({ name }) => fleetOf.get(name) === fleet),
    ),
  );
}

function keptOf(worker: Worker | undefined): Kept | undefined {
  if (worker?.row === undefined) return undefined;
  return { contract: worker.contract, machineId: worker.row.machine_id, dph: worker.row.dph_total };
}
