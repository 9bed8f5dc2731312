import { HOURS_PER_MONTH } from "../api/assumptions.ts";
import { isVastError, VastError } from "../api/errors.ts";
import { rentVolume, searchVolumes, type VolumeOffer } from "../api/volumes.ts";
import type { Context } from "../context.ts";
import { candidates, offerQuery, usd } from "../fleet/place.ts";
import { inputsSchema as instanceSchema } from "./instance/inputs.ts";
import { needOf } from "./instance/need.ts";
import { markedVolumeName } from "./mark.ts";
import type { VolumeInputs } from "./volume-inputs.ts";

export type PlacedOffer = Pick<VolumeOffer, "id" | "machine_id" | "storage_cost">;

/** The offers that do, best first; the best one's machine is claimed. */
export async function place(context: Context, inputs: VolumeInputs): Promise<PlacedOffer[]> {
  const machines = inputs.placeWith
    ? await machinesForBoth(context, inputs, inputs.placeWith)
    : inputs.machineId === undefined
      ? undefined
      : [inputs.machineId];
  const filters = machines === undefined ? { verified: { eq: true } } : { machine_id: { in: machines } };
  const offers = (await context.transport.call(searchVolumes, { filters, sizeGb: inputs.size })).filter(
    (offer) => offer.disk_space >= inputs.size && (machines === undefined || machines.includes(offer.machine_id)),
  );
  const affordable = offers.filter(
    (offer) => inputs.maxDph === undefined || (inputs.size * offer.storage_cost) / HOURS_PER_MONTH <= inputs.maxDph,
  );
  // From here to the claim nothing may wait: volumes of one fleet choose side by side.
  const claimed = context.market.claimedByOthers(inputs.mark).machines;
  const rank = (machineId: number) =>
    (machines?.indexOf(machineId) ?? 0) + (claimed.has(machineId) ? (machines?.length ?? 1) : 0);
  // The instance's price decides, on machines that no sibling has yet as long as there are any.
  const ranked = affordable.toSorted((a, b) => rank(a.machine_id) - rank(b.machine_id));
  const [offer] = ranked;
  if (!offer) {
    throw new VastError(
      "refused",
      `${inputs.name}: no machine offers a volume of ${inputs.size} GB${inputs.placeWith ? " together with the instance" : ""}${inputs.maxDph === undefined ? "" : ` for at most ${usd(inputs.maxDph)}/h`}`,
      {
        fix: "lower `size`, widen the instance's `offer`, or run `pulumi up` again later; nothing was rented",
      },
    );
  }
  context.market.claimMachine(offer.machine_id, inputs.mark);
  return ranked;
}

async function machinesForBoth(
  context: Context,
  inputs: VolumeInputs,
  instance: NonNullable<VolumeInputs["placeWith"]>,
): Promise<number[]> {
  const parsed = instanceSchema.parse({ ...instance, mark: inputs.mark, label: inputs.name });
  const need = needOf(parsed, context.clock.nowS());
  const rented = [...(await context.sweeper.atMost(600)).rows.values()].map((row) => row.machine_id);
  const both = await context.market.searchUntil(offerQuery(need), (offers, exhausted) => {
    const withVolume = offers.filter(
      (offer) => offer.avail_vol_ask_id != null && (offer.avail_vol_size ?? 0) >= inputs.size,
    );
    const claimed = context.market.claimedByOthers(inputs.mark).machines;
    const fresh = candidates(need, withVolume, new Set(rented));
    if (!exhausted && fresh.every((offer) => claimed.has(offer.machine_id))) return undefined;
    return [...fresh, ...candidates(need, withVolume, new Set(fresh.map((offer) => offer.machine_id)))];
  });
  return (both ?? []).map((offer) => offer.machine_id);
}

/** Offers tried before giving up: each costs the service's interval. */
const MAX_OFFERS = 5;

/** Rents the first offer that is still there; undefined when the answer is lost, which is not one that says no. */
export async function rentFirst(
  context: Context,
  inputs: VolumeInputs,
  offers: readonly PlacedOffer[],
): Promise<number | undefined> {
  let refusal: unknown;
  for (const offer of offers.slice(0, MAX_OFFERS)) {
    context.market.claimMachine(offer.machine_id, inputs.mark);
    context.log(
      `${inputs.name}: renting a volume of ${inputs.size} GB on machine ${offer.machine_id}, ${usd((inputs.size * offer.storage_cost) / HOURS_PER_MONTH)}/h`,
    );
    try {
      await context.transport.call(rentVolume, offer.id, inputs.size, markedVolumeName(inputs.name, inputs.mark));
      return;
    } catch (error) {
      if (isVastError(error, "unsure", "unexpected")) {
        context.log(`${inputs.name}: the answer to the rental was lost; looking for the volume`);
        return undefined;
      }
      if (!isTaken(error)) throw error;
      refusal ??= error;
      context.log(`${inputs.name}: volume offer ${offer.id} was taken meanwhile; going on to the next`);
    }
  }
  context.market.release(inputs.mark);
  throw refusal;
}

/** Gone, or with less room than it showed. How the service words the latter is unverified (vast-api.md 9.11). */
function isTaken(error: unknown): boolean {
  return (
    isVastError(error, "offer-gone", "not-found") || (isVastError(error, "refused") && error.reason === "invalid_args")
  );
}
