import { VastError } from "../../api/errors.ts";
import type { Offer } from "../../api/offers.ts";
import type { Context } from "../../context.ts";
import { candidates, misfit, type Need, offerQuery } from "../../fleet/place.ts";
import { markOf } from "../mark.ts";
import type { InstanceInputs } from "./inputs.ts";
import { needOf } from "./need.ts";

/** Searches for the best offer, on a machine that no other worker has as long as there are any, and claims it. */
export async function choose(
  context: Context,
  inputs: InstanceInputs,
  need: Need,
  avoid: ReadonlySet<number>,
  refused: string[],
): Promise<{ offer: Offer; alternatives: number }> {
  if ("id" in inputs.offer)
    return { offer: await pinnedOffer(context, inputs, inputs.offer.id, refused), alternatives: 0 };
  const listed = [...(await context.sweeper.atMost(600)).rows.values()];
  const rented = listed.filter((row) => markOf(row) !== undefined).map((row) => row.machine_id);
  let shown: readonly Offer[] = [];
  const fitting = await context.market.searchUntil(offerQuery(need), (offers, exhausted) => {
    shown = offers;
    // From here to the claim nothing may wait: workers of one run choose side by side.
    const claimed = context.market.claimedByOthers(inputs.mark);
    const open = offers.filter((offer) => !claimed.offers.has(offer.id));
    const spread =
      need.machineId === undefined ? candidates(need, open, new Set([...avoid, ...claimed.machines, ...rented])) : [];
    // A fleet larger than the matching machines shares them rather than staying short.
    const found = spread.length > 0 || !exhausted ? spread : candidates(need, open, avoid);
    const [offer] = found;
    if (!offer) return undefined;
    context.market.claim(offer, inputs.mark);
    return { offer, alternatives: found.length - 1 };
  });
  if (!fitting) {
    const why =
      shown.length === 0
        ? "no offer on the market matches"
        : `${shown.length} offers came back, none fits (${firstMisfits(need, shown)})`;
    throw new VastError(
      "refused",
      `${inputs.label}: ${why}${refused.length > 0 ? `; tried before: ${[...new Set(refused)].join("; ")}` : ""}`,
      {
        fix: "widen `offer` (gpu, maxDph, minReliability, countries …) or wait; nothing was rented",
      },
    );
  }
  return fitting;
}

function firstMisfits(need: Need, offers: readonly Offer[]): string {
  const reasons = offers.map((offer) => misfit(need, offer) ?? "taken by another worker of this run");
  return [...new Set(reasons)].slice(0, 3).join("; ");
}

/** `ask_contract_id` selects one offer; a filter on `id` matches nothing (vast-api.md 2.2). */
async function pinnedOffer(context: Context, inputs: InstanceInputs, id: number, refused: string[]): Promise<Offer> {
  const query = offerQuery(needOf(inputs));
  const offers =
    refused.length > 0 ? [] : await context.market.offers({ ...query, filters: { ask_contract_id: { eq: id } } });
  const [offer] = offers;
  if (!offer)
    throw new VastError(
      "refused",
      `${inputs.label}: the pinned offer ${id} is not on the market${refused.length > 0 ? ` any more (${refused.join("; ")})` : ""}`,
      { fix: "pin another offer, or give criteria" },
    );
  const problem = misfit({ ...needOf(inputs), criteria: { ...needOf(inputs).criteria, count: offer.num_gpus } }, offer);
  if (problem) throw new VastError("refused", `${inputs.label}: the pinned offer ${id} does not do: ${problem}`);
  return offer;
}
