import type { InstanceRow } from "../../api/instances.ts";
import { allInDph } from "../../api/offers.ts";
import type { InstanceInputs } from "./inputs.ts";

/** A new bid outbids the going price by this much, so that it does not lose to a tie. */
const OVERBID = 1.02;
/** The service's own rounding, USD/h. */
export const PRICE_TOLERANCE = 1e-4;

type Bids = Pick<InstanceInputs, "bid" | "maxBid">;

/** Is this a bid that `bid` and `maxBid` allow? */
export function withinBids(bid: number, { bid: lowest, maxBid }: Bids): boolean {
  return lowest !== undefined && bid >= lowest - 1e-6 && bid <= (maxBid ?? lowest) + 1e-6;
}

/** USD/h that may be bid on a machine. `maxDph` is all-in: what the disk costs is not there to bid with. */
export function highestBid(
  { bid, maxBid, offer }: Pick<InstanceInputs, "bid" | "maxBid" | "offer">,
  row: InstanceRow,
): number {
  const disk = allInDph(row, row.disk_space, 0);
  return Math.min(maxBid ?? bid ?? 0, (offer.maxDph ?? Number.POSITIVE_INFINITY) - disk);
}

/** The bid that wins an interrupted instance back, USD/h; undefined when the going price is over what may be bid. */
export function winningBid(
  inputs: Pick<InstanceInputs, "bid" | "maxBid" | "offer">,
  row: InstanceRow,
): number | undefined {
  const highest = highestBid(inputs, row);
  const going = row.min_bid;
  if (going == null || going > highest) return undefined;
  return Math.min(highest, Math.max(inputs.bid ?? 0, going * OVERBID));
}
