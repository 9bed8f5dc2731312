import type { Offer } from "pulumi-vast/internal/api/offers";
import type { Context } from "pulumi-vast/internal/context";
import { candidates, type Need, offerQuery } from "pulumi-vast/internal/fleet/place";
import { needOf, onDemand } from "pulumi-vast/internal/lifecycle/instance/need";
import { pricedInputs } from "pulumi-vast/internal/lifecycle/market-price";

/** As the provider would choose it for these inputs of a VastInstance, on none of the machines `taken`. */
export async function bestOffer(
  context: Context,
  inputs: Record<string, unknown>,
  taken: ReadonlySet<number>,
): Promise<{ offer: Offer; need: Need } | undefined> {
  const asked = pricedInputs(inputs);
  if (asked === undefined || "id" in asked.offer) return undefined;
  const first = needOf(asked, context.clock.nowS());
  for (const need of asked.fallback === "on-demand" ? [first, onDemand(first)] : [first]) {
    const [offer] = candidates(need, await context.market.offers(offerQuery(need)), taken);
    if (offer) return { offer, need };
  }
  return undefined;
}
