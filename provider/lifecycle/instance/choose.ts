import { VastError } from "../../api/errors.ts";
import type { Offer } from "../../api/offers.ts";
import type { Context } from "../../context.ts";
import { misfit, type Need, offerQuery, spreadCandidates } from "../../fleet/place.ts";
import { markOf } from "../mark.ts";
import type { InstanceInputs } from "./inputs.ts";

export interface Choice {
  offer: Offer;
  /** How it is to be rented: the first of the needs that has an offer. */
  need: Need;
  /** Offers that matched besides. */
  alternatives: number;
}

/**
 * Searches for the best offer, on a machine that no other worker has as long as there are any, and claims it. The needs
 * are asked in turn: a later one is what to fall back to.
 */
export async function choose(
  context: Context,
  inputs: InstanceInputs,
  needs: readonly Need[],
  avoid: ReadonlySet<number>,
  refused: string[],
): Promise<Choice> {
  const whyNot: string[] = [];
  for (const need of needs) {
    const choice =
      "id" in inputs.offer
        ? await pinnedOffer(context, need, inputs.offer.id, refused)
        : await bestOffer(context, inputs.mark, need, new Set([...avoid, ...context.market.excluded()]));
    if ("offer" in choice) return choice;
    whyNot.push(need.bid === undefined && needs.length > 1 ? `on demand: ${choice.none}` : choice.none);
  }
  const tried = refused.length > 0 ? `; tried before: ${[...new Set(refused)].join("; ")}` : "";
  throw new VastError("refused", `${inputs.label}: ${whyNot.join("; ")}${tried}`, {
    fix:
      "id" in inputs.offer
        ? "pin another offer, or give criteria; nothing was rented"
        : "widen `offer` (gpu, maxDph, minReliability, countries …) or wait; nothing was rented",
  });
}

type NoChoice = { none: string };

async function bestOffer(
  context: Context,
  mark: string,
  need: Need,
  avoid: ReadonlySet<number>,
): Promise<Choice | NoChoice> {
  const listed = [...(await context.sweeper.atMost(600)).rows.values()];
  const rented = listed.filter((row) => markOf(row) !== undefined).map((row) => row.machine_id);
  let shown: readonly Offer[] = [];
  const fitting = await context.market.searchUntil(offerQuery(need), (offers, exhausted) => {
    shown = offers;
    // From here to the claim nothing may wait: workers of one run choose side by side.
    const { offers: taken, machines } = context.market.claimedByOthers(mark);
    const claimed = { offers: taken, machines: new Set([...machines, ...rented]) };
    const found = spreadCandidates(need, offers, { avoid, claimed, mayShare: exhausted });
    const [offer] = found;
    if (!offer) return undefined;
    context.market.claim(offer, mark);
    return { offer, need, alternatives: found.length - 1 };
  });
  if (fitting) return fitting;
  if (shown.length === 0) return { none: "no offer on the market matches" };
  return { none: `${shown.length} offers came back, none fits (${firstMisfits(need, shown)})` };
}

function firstMisfits(need: Need, offers: readonly Offer[]): string {
  const reasons = offers.map((offer) => misfit(need, offer) ?? "taken by another worker of this run");
  return [...new Set(reasons)].slice(0, 3).join("; ");
}

/** `ask_contract_id` selects one offer; a filter on `id` matches nothing (vast-api.md 2.2). */
async function pinnedOffer(
  context: Context,
  need: Need,
  id: number,
  refused: readonly string[],
): Promise<Choice | NoChoice> {
  const query = { ...offerQuery(need), filters: { ask_contract_id: { eq: id } } };
  const [offer] = refused.length > 0 ? [] : await context.market.offers(query);
  if (!offer) return { none: `the pinned offer ${id} is not on the market${refused.length > 0 ? " any more" : ""}` };
  const problem = misfit({ ...need, criteria: { ...need.criteria, count: offer.num_gpus } }, offer);
  return problem === undefined
    ? { offer, need, alternatives: 0 }
    : { none: `the pinned offer ${id} does not do: ${problem}` };
}
