import { allInDph } from "pulumi-vast/internal/api/offers";
import type { Context } from "pulumi-vast/internal/context";
import { candidates, offerQuery } from "pulumi-vast/internal/fleet/place";
import { type InstanceInputs, inputsSchema } from "pulumi-vast/internal/lifecycle/instance/inputs";
import { needOf } from "pulumi-vast/internal/lifecycle/instance/need";
import type { Fleets } from "../fleet/read.ts";
import type { PlannedChanges } from "../stack/preview.ts";
import { nameOf, type StackResource } from "../stack/state.ts";

/** What a fleet would cost after an `up` at this moment; USD, all-in, bandwidth on top. */
export interface FleetCost {
  /** Name of the fleet; empty for instances of none. */
  fleet: string;
  workers: number;
  /** New ones and replacements. */
  toRent: number;
  /** Of those, the ones that no machine in the market satisfies now. */
  unplaced: number;
  dph: number;
  perDay: number;
}

interface Price {
  fleet: string;
  toRent: boolean;
  /** Undefined where no machine matches. */
  dph: number | undefined;
}

/** Each worker to rent gets a machine of its own, as the provider would choose it; the others cost what they do. */
export async function expectedCosts(
  context: Context,
  { workers, fleets }: Fleets,
  { declared, steps }: PlannedChanges,
): Promise<FleetCost[]> {
  const rented = new Set(steps.filter(({ op }) => op === "create" || op === "replace").map(({ urn }) => urn));
  const taken = new Set<number>();
  const prices: Price[] = [];
  for (const resource of declared.filter(({ type }) => type === "Instance")) {
    const fleet = nameOf(resource.parent ?? "");
    const toRent = rented.has(resource.urn);
    const existing = workers.find(({ urn }) => urn === resource.urn);
    const dph = toRent ? await marketPrice(context, resource, taken) : existing?.row?.dph_total;
    prices.push({ fleet, toRent, dph });
  }
  const names = new Set([...fleets.map(({ name }) => name), ...prices.map(({ fleet }) => fleet)]);
  return [...names].toSorted().map((name) =>
    sumOf(
      name,
      prices.filter(({ fleet }) => fleet === name),
    ),
  );
}

function sumOf(fleet: string, prices: readonly Price[]): FleetCost {
  const dph = prices.reduce((sum, price) => sum + (price.dph ?? 0), 0);
  const toRent = prices.filter((price) => price.toRent);
  return {
    fleet,
    workers: prices.length,
    toRent: toRent.length,
    unplaced: toRent.filter((price) => price.dph === undefined).length,
    dph,
    perDay: dph * 24,
  };
}

/** What decides about the machine; secrets and what a preview does not know yet do not. */
const asked = inputsSchema.pick({
  offer: true,
  disk: true,
  bid: true,
  image: true,
  imageCuda: true,
  ports: true,
  runtype: true,
  maxDurationHours: true,
  expiresAt: true,
});

async function marketPrice(
  context: Context,
  { inputs }: StackResource,
  taken: Set<number>,
): Promise<number | undefined> {
  const known = Object.keys(asked.shape).flatMap((key) => (key in inputs ? [[key, inputs[key]]] : []));
  const parsed = asked.safeParse(Object.fromEntries(known));
  if (!parsed.success || "id" in parsed.data.offer) return undefined;
  const need = needOf(parsed.data as InstanceInputs, context.clock.nowS());
  const [best] = candidates(need, await context.market.offers(offerQuery(need)), taken);
  if (!best) return undefined;
  taken.add(best.machine_id);
  return allInDph(best, need.diskGb, need.bid);
}
