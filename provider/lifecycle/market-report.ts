import { OFFER_SEARCH_LIMIT } from "../api/assumptions.ts";
import { allInDph, type Offer } from "../api/offers.ts";
import type { Patience } from "../api/transport.ts";
import type { Context } from "../context.ts";
import { candidates, misfit, type Need, offerQuery, usd } from "../fleet/place.ts";
import { checkInputs } from "./check.ts";
import { crossChecks } from "./instance/cross-checks.ts";
import { inputsSchema } from "./instance/inputs.ts";
import { needOf } from "./instance/need.ts";

const HOURS_PER_DAY = 24;
/** Offers spelled out: the rest is in the sum. */
const SHOWN = 3;

/** A preview is complete without it: nobody waits a minute to be told that prices cannot be had. */
export const REPORT_PATIENCE: Patience = { maxAttempts: 2, timeoutS: 5 };

export interface Wanted {
  workers: number;
  /** Inputs of one worker, as the program gives them. */
  worker: Record<string, unknown>;
  /** GB of the volume that each worker mounts. */
  volumeGb: number | undefined;
}

/**
 * What the market asks for such workers now, in one sentence; undefined where there is nothing to ask: a pinned offer, or
 * inputs that their own check refuses. One search, however many workers.
 */
export async function marketReport(
  context: Context,
  { workers, worker, volumeGb }: Wanted,
): Promise<string | undefined> {
  const nobody = { mark: "0".repeat(16), label: "worker" };
  const { inputs, failures } = checkInputs(inputsSchema, { ...nobody, ...worker }, crossChecks);
  if (failures.length > 0 || workers === 0) return undefined;
  const parsed = inputsSchema.parse(inputs);
  if ("id" in parsed.offer) return undefined;
  const need = needOf(parsed, context.clock.nowS());
  const offers = await context.market.offers(offerQuery(need));
  const fitting = candidates(need, volumeGb === undefined ? offers : withVolume(offers, volumeGb), new Set());
  if (fitting.length === 0) return nothingFits(need, offers, volumeGb);
  // A full page hides how many more there are.
  return `${offers.length >= OFFER_SEARCH_LIMIT ? "at least " : ""}${sumUp(need, fitting, workers)}`;
}

function withVolume(offers: readonly Offer[], sizeGb: number): Offer[] {
  return offers.filter((offer) => offer.avail_vol_ask_id != null && (offer.avail_vol_size ?? 0) >= sizeGb);
}

function sumUp(need: Need, fitting: readonly Offer[], workers: number): string {
  const price = (offer: Offer) => allInDph(offer, need.diskGb, need.bid);
  const chosen = fitting.slice(0, workers);
  const best = chosen.slice(0, SHOWN).map((offer) => `${offer.num_gpus}x ${offer.gpu_name} at ${usd(price(offer))}/h`);
  const sum = chosen.reduce((total, offer) => total + price(offer), 0);
  const short = chosen.length < workers ? `, for ${chosen.length} of ${workers} workers` : "";
  return `${fitting.length === 1 ? "1 machine matches" : `${fitting.length} machines match`} now; best: ${best.join(", ")}${chosen.length > SHOWN ? " …" : ""}. Together ${usd(sum)}/h all-in, ${usd(HOURS_PER_DAY * sum)} a day${short}`;
}

function nothingFits(need: Need, offers: readonly Offer[], volumeGb: number | undefined): string {
  const why = [...new Set(offers.map((offer) => misfit(need, offer)))].filter((reason) => reason !== undefined);
  const shown = why.slice(0, SHOWN).join("; ");
  const machine = volumeGb === undefined ? "machine" : `machine with room for a volume of ${volumeGb} GB`;
  return `no ${machine} matches now${shown === "" ? "" : ` (${shown})`}: an \`up\` would rent none`;
}
