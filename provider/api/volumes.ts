import { z } from "zod";
import { endpoint } from "./transport.ts";

/** vast-api.md 4. Sizes in GB. */
export const VolumeRow = z.object({
  id: z.number().int(),
  label: z.string().nullish(),
  status: z.string().nullish(),
  disk_space: z.number(),
  machine_id: z.number().int(),
  /** Ids of the instances that use it; one client also saw objects (vast-api.md 4). */
  instances: z.array(z.union([z.number().int(), z.object({ id: z.number().int() }).transform((i) => i.id)])).nullish(),
  start_date: z.number().nullish(),
  end_date: z.number().nullish(),
  /** USD/h. */
  storage_total_cost: z.number().nullish(),
});
export type VolumeRow = z.infer<typeof VolumeRow>;

export const VolumeOffer = z.object({
  id: z.number().int(),
  machine_id: z.number().int(),
  /** GB still free. */
  disk_space: z.number(),
  /** USD/GB per 720-hour month. */
  storage_cost: z.number(),
  verification: z.string().nullish(),
  reliability2: z.number().nullish(),
  geolocation: z.string().nullish(),
  duration: z.number().nullish(),
});
export type VolumeOffer = z.infer<typeof VolumeOffer>;

export const searchVolumes = endpoint({
  method: "POST",
  route: "/api/v0/volumes/search/",
  path: (_query: { filters: Record<string, unknown>; sizeGb: number }) => "/api/v0/volumes/search/",
  body: (query) => ({
    ...query.filters,
    disk_space: { gte: query.sizeGb },
    allocated_storage: query.sizeGb,
    order: [["storage_cost", "asc"]],
    limit: 64,
  }),
  reply: z.object({ offers: z.array(VolumeOffer) }).transform((reply) => reply.offers),
  resend: "when-unsure",
});

export const rentVolume = endpoint({
  method: "PUT",
  route: "/api/v0/volumes/",
  path: (_offerId: number, _sizeGb: number, _name: string) => "/api/v0/volumes/",
  body: (offerId, sizeGb, name) => ({ id: offerId, size: sizeGb, name }),
  reply: z
    .object({ success: z.literal(true), volume_name: z.string().regex(/^V\.\d+$/) })
    .transform((reply) => Number(reply.volume_name.slice(2))),
  // A lost reply may hide a volume that already bills; its name says whose it is.
  resend: "when-refused",
});

export const listVolumes = endpoint({
  method: "GET",
  route: "/api/v0/volumes/",
  path: () => "/api/v0/volumes/?owner=me&type=all_volume",
  reply: z.object({ volumes: z.array(VolumeRow) }).transform((reply) => reply.volumes),
  resend: "when-unsure",
});

export const deleteVolume = endpoint({
  method: "DELETE",
  route: "/api/v0/volumes/",
  path: (id: number) => `/api/v0/volumes/?id=${id}`,
  body: (id) => ({ id }),
  reply: z.object({ success: z.literal(true) }),
  resend: "when-unsure",
});
