import type { z } from "zod";
import { HOURS_PER_MONTH, OFFER_SEARCH_LIMIT } from "../api/assumptions.ts";
import { allInDph, type Offer } from "../api/offers.ts";
import type { Patience } from "../api/transport.ts";
import { searchVolumes } from "../api/volumes.ts";
import type { Context } from "../context.ts";
import { count, type Price } from "../fleet/cost.ts";
import { narrowing, volumeRoomGb, widestQuery } from "../fleet/narrow.ts";
import { candidates, type Need, offerQuery, spreadCandidates, usd } from "../fleet/place.ts";
import { inputsSchema } from "./instance/inputs.ts";
import { NEED_INPUTS, needOf, onDemand } from "./instance/need.ts";

/** A preview is complete without prices: nobody waits a minute to be told that they cannot be had. */
export const PRICE_PATIENCE: Patience = { maxAttempts: 2, timeoutS: 5 };

/** Offers spelled out: the rest is in the sum. */
const SHOWN = 3;

/** A worker of what a program declares. */
export interface PlannedWorker {
  name: string;
  /** {@link PRICED_INPUTS} as far as the program gives them; undefined where not all of them are known yet. */
  inputs: Record<string, unknown> | undefined;
  /** GB of a volume that is to be made on its machine. */
  volumeGb?: number | undefined;
  /** Of one that stays where it is: without it, it is to be rented. */
  kept?: Kept | undefined;
}

export interface Kept {
  /** Id of the contract. */
  contract: number;
  machineId?: number | undefined;
  /** USD/h all-in and of the disk alone, where the state has them; else the service is asked. */
  dph?: number | undefined;
  dphStorage?: number | undefined;
}

/** What decides about machine and price: secrets, and what a preview does not know yet, are not among it. */
const pricedSchema = inputsSchema
  .pick({ ...NEED_INPUTS, fallback: true, state: true, tags: true })
  // One that is still to be made is on no machine yet.
  .extend({ volume: inputsSchema.shape.volume.catch(undefined) });
type PricedInputs = z.output<typeof pricedSchema>;
export const PRICED_INPUTS = Object.keys(pricedSchema.shape);

/** A worker's price, and what the market has for one that is to be rented. */
export interface PricedWorker extends Price {
  found?: Found | undefined;
}

interface Found {
  need: Need;
  volumeGb: number | undefined;
  /** Machines that do, whoever takes them; a full page of a search hides how many more there are. */
  machines: number;
  isAll: boolean;
  /** The one that it would get. */
  offer: Offer | undefined;
}

/**
 * What each worker, and each volume to be made for one, would cost: kept ones what they do, the others the offers that they would get, each one of its own, from
 * one search for all that ask the same. Whoever shares the context takes no offer twice.
 */
export async function priceWorkers(context: Context, workers: readonly PlannedWorker[]): Promise<PricedWorker[]> {
  const taken = new Set(workers.flatMap(({ kept }) => kept?.machineId ?? []));
  const prices: PricedWorker[] = [];
  for (const worker of workers) {
    const inputs = pricedInputs(worker.inputs);
    const who = { name: worker.name, kind: "worker", team: inputs?.tags?.team } as const;
    prices.push(
      worker.kept
        ? { ...who, toRent: false, dph: await keptPrice(context, worker.kept, inputs) }
        : { ...who, toRent: true, ...(await marketPrice(context, worker, { inputs, taken })) },
    );
  }
  return [...prices, ...(await newVolumePrices(context, prices))];
}

/** Volumes to be made, on the machines that their workers would get. */
async function newVolumePrices(context: Context, workers: readonly PricedWorker[]): Promise<Price[]> {
  const placed = workers.flatMap(({ name, found }) =>
    found?.offer && found.volumeGb !== undefined
      ? [{ name, machineId: found.offer.machine_id, sizeGb: found.volumeGb }]
      : [],
  );
  if (placed.length === 0) return [];
  const filters = { machine_id: { in: placed.map(({ machineId }) => machineId) } };
  const sizeGb = Math.max(...placed.map((volume) => volume.sizeGb));
  // Small change: the workers' prices are told without it.
  const offers = await context.transport.call(searchVolumes, { filters, sizeGb }).catch(() => []);
  return placed.map((volume) => {
    const offer = offers.find(({ machine_id }) => machine_id === volume.machineId);
    const dph = offer ? (volume.sizeGb * offer.storage_cost) / HOURS_PER_MONTH : "not known";
    return { name: `${volume.name}-volume`, kind: "volume", toRent: true, team: undefined, dph };
  });
}

export function pricedInputs(given: Record<string, unknown> | undefined): PricedInputs | undefined {
  const known = PRICED_INPUTS.flatMap((key) => (given && key in given ? [[key, given[key]]] : []));
  return pricedSchema.safeParse(Object.fromEntries(known)).data;
}

async function keptPrice(context: Context, kept: Kept, inputs: PricedInputs | undefined): Promise<Price["dph"]> {
  const isStopped = inputs?.state === "stopped";
  const recorded = isStopped ? kept.dphStorage : kept.dph;
  if (recorded !== undefined) return recorded;
  const row = (await context.sweeper.atMost(600)).rows.get(kept.contract);
  if (row === undefined) return "not known";
  const bid = isStopped ? 0 : row.is_bid ? inputs?.bid : undefined;
  return allInDph(row, row.disk_space, bid);
}

async function marketPrice(
  context: Context,
  { name, volumeGb }: PlannedWorker,
  { inputs, taken }: { inputs: PricedInputs | undefined; taken: ReadonlySet<number> },
): Promise<Pick<PricedWorker, "dph" | "found">> {
  // A pinned offer is the user's own choice: the update says what it costs, or that it is gone.
  if (inputs === undefined || "id" in inputs.offer) return { dph: "not known" };
  const need = needOf(inputs, context.clock.nowS());
  const found = await find(context, { name, volumeGb, need, taken });
  const last =
    found.offer || inputs.fallback !== "on-demand"
      ? found
      : await find(context, { name, volumeGb, need: onDemand(need), taken });
  const { offer } = last;
  if (offer === undefined) return { dph: last.machines === 0 || last.isAll ? "no machine" : "not known", found: last };
  const dph = inputs.state === "stopped" ? allInDph(offer, last.need.diskGb, 0) : priceOf(last.need, offer);
  return { dph, found: last };
}

async function find(
  context: Context,
  {
    name,
    need,
    volumeGb,
    taken,
  }: { name: string; need: Need; volumeGb: number | undefined; taken: ReadonlySet<number> },
): Promise<Found> {
  const page = await context.market.offers(offerQuery(need));
  const offers = volumeGb === undefined ? page : page.filter((offer) => volumeRoomGb(offer) >= volumeGb);
  const isAll = page.length < OFFER_SEARCH_LIMIT;
  const claims = context.market.claimedByOthers(name);
  const claimed = { offers: claims.offers, machines: new Set([...claims.machines, ...taken]) };
  const [offer] = spreadCandidates(need, offers, { avoid: context.market.excluded(), claimed, mayShare: isAll });
  if (offer) context.market.claim(offer, name);
  return { need, volumeGb, machines: candidates(need, offers, new Set()).length, isAll, offer };
}

function priceOf(need: Need, offer: Offer): number {
  return allInDph(offer, need.diskGb, need.bid);
}

/** What the market has for the workers to rent, a sentence for each that asks otherwise; none where nothing is to be rented. */
export async function marketInWords(context: Context, prices: readonly PricedWorker[]): Promise<string[]> {
  const asking = prices.flatMap(({ name, found }) => (found ? [{ name, found }] : []));
  const groups = [...Map.groupBy(asking, ({ found: { need, volumeGb } }) => JSON.stringify([need, volumeGb])).values()];
  const sentences: string[] = [];
  for (const group of groups) {
    const who = groups.length > 1 ? `${group.map(({ name }) => name).join(", ")}: ` : "";
    const offers = group.flatMap(({ found }) => found.offer ?? []);
    const [first] = group;
    if (!first) continue;
    const { found } = first;
    const said = offers.length > 0 ? best(found, offers) : await whyNone(context, found);
    const short = group.length - offers.length;
    const enough =
      short === 0 || offers.length === 0 ? "" : `, for ${offers.length} of ${count(group.length, "worker")}`;
    sentences.push(`${who}${said}${enough}`);
  }
  return sentences;
}

function best({ need, machines, isAll }: Found, offers: readonly Offer[]): string {
  const shown = offers
    .slice(0, SHOWN)
    .map((offer) => `${offer.num_gpus}x ${offer.gpu_name} at ${usd(priceOf(need, offer))}/h`);
  const many = `${isAll ? "" : "at least "}${machines === 1 ? "1 machine matches" : `${machines} machines match`}`;
  return `${many} now; best: ${shown.join(", ")}${offers.length > SHOWN ? " …" : ""}`;
}

async function whyNone(context: Context, { need, volumeGb, machines }: Found): Promise<string> {
  if (machines > 0)
    return `${count(machines, "machine")} would match now, and other workers take ${machines === 1 ? "it" : "them"}`;
  // One search more, where it is needed most.
  const offers = await context.market.offers(widestQuery(need)).catch(() => undefined);
  const why = offers === undefined ? "" : ` (${narrowing(need, offers, volumeGb)})`;
  return `no machine matches now${why}: an \`up\` would rent none`;
}
