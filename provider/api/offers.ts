import { z } from "zod";
import { HOURS_PER_MONTH, OFFER_SEARCH_LIMIT } from "./assumptions.ts";
import { endpoint } from "./transport.ts";

/** The columns of an offer that decisions rest on (vast-api.md 2.3); others pass through unread. */
export const Offer = z.object({
  id: z.number().int(),
  machine_id: z.number().int(),
  host_id: z.number().int(),
  gpu_name: z.string(),
  num_gpus: z.number().int(),
  /** MB per GPU. */
  gpu_ram: z.number(),
  gpu_frac: z.number().nullish(),
  verification: z.string().nullish(),
  reliability2: z.number().nullish(),
  /** USD/h without disk. */
  dph_base: z.number(),
  /** USD/GB per 720-hour month. */
  storage_cost: z.number(),
  /** USD/h: the lowest bid that can win now. */
  min_bid: z.number().nullish(),
  /** USD/GB. */
  inet_up_cost: z.number().nullish(),
  inet_down_cost: z.number().nullish(),
  /** GB. */
  disk_space: z.number(),
  direct_port_count: z.number().nullish(),
  cuda_max_good: z.number().nullish(),
  geolocation: z.string().nullish(),
  /** Seconds that the offer can still be rented for. */
  duration: z.number().nullish(),
  avail_vol_ask_id: z.number().int().nullish(),
  avail_vol_size: z.number().nullish(),
});
export type Offer = z.infer<typeof Offer>;

type Condition = Partial<
  Record<"eq" | "neq" | "gt" | "gte" | "lt" | "lte", number | string | boolean> &
    Record<"in" | "notin", (number | string)[]>
>;

export interface OfferQuery {
  filters: Record<string, Condition>;
  type: "on-demand" | "bid";
  order: [column: string, direction: "asc" | "desc"][];
  /** GB the rental will use: priced in, and the least free space an offer must have. */
  allocatedStorageGb: number;
}

export const searchOffers = endpoint({
  method: "POST",
  route: "/api/v0/bundles/",
  path: (_query: OfferQuery) => "/api/v0/bundles/",
  body: (query) => ({
    ...query.filters,
    type: query.type,
    order: query.order,
    limit: OFFER_SEARCH_LIMIT,
    allocated_storage: query.allocatedStorageGb,
  }),
  reply: z.object({ offers: z.array(Offer) }).transform((reply) => reply.offers),
  resend: "when-unsure",
});

/** All-in USD/h of a rental: GPUs (or the bid) plus its disk. The offer's own `dph_total` holds for another disk size. */
export function allInDph(price: { dph_base: number; storage_cost: number }, diskGb: number, bid?: number): number {
  return (bid ?? price.dph_base) + (diskGb * price.storage_cost) / HOURS_PER_MONTH;
}
