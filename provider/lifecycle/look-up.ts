import { z } from "zod";
import { listConnections } from "../api/copies.ts";
import type { InstanceRow } from "../api/instances.ts";
import { allInDph, type Offer } from "../api/offers.ts";
import { listVolumes } from "../api/volumes.ts";
import type { Context } from "../context.ts";
import { candidates, MB_PER_GB, offerQuery } from "../fleet/place.ts";
import { criteriaSchema } from "./instance/criteria.ts";
import { inputsSchema } from "./instance/inputs.ts";
import { type MachineFacts, machineFactsOf } from "./instance/outputs.ts";
import { markOf } from "./mark.ts";

/** A direct SSH port, as an instance of the default runtype needs one. */
const PORTS_OF_SSH = 1;

export const offersQuerySchema = criteriaSchema.extend({
  disk: inputsSchema.shape.disk.describe("GB the instance will have: priced in, and the least an offer must have free"),
  bid: inputsSchema.shape.bid.describe("USD/h for the GPUs of an interruptible instance; without it: on demand"),
});
export type OffersQuery = z.input<typeof offersQuerySchema>;

/** An offer as a VastInstance with that disk and bid would rent it. Prices USD/h. */
export interface OfferInfo {
  /** What `offer: { id }` would pin. */
  offerId: number;
  /** Id of the machine. */
  machineId: number;
  /** Id of the machine's owner. */
  hostId: number;
  /** Number and name, e.g. `1x RTX 4090`. */
  gpu: string;
  /** GB per GPU: the highest `minVramGb` it meets. */
  vramGb: number;
  /** USD/h, all-in: GPUs (or the bid) plus the disk asked for. */
  dph: number;
  /** USD/h of the GPUs, or the bid. */
  dphCompute: number;
  /** USD/h of the disk asked for. */
  dphStorage: number;
  /** USD/h: the lowest bid that wins now. */
  minBid: number | undefined;
  /** Has Vast.ai verified the host? */
  verified: boolean;
  /** Of the host, a share from 0 to 1. */
  reliability: number | undefined;
  /** Newest CUDA of the host's driver. */
  cuda: number | undefined;
  /** Open ports. */
  directPorts: number | undefined;
  /** USD/GB sent. */
  inetUpCost: number | undefined;
  /** USD/GB received. */
  inetDownCost: number | undefined;
  /** e.g. `Sweden, SE` */
  location: string | undefined;
  /** Hours it can be rented for. */
  durationHours: number | undefined;
  /** GB of a volume that the same machine offers. */
  volumeGb: number | undefined;
}

/** What a VastInstance with these criteria would choose from, best first, one offer per machine. */
export async function lookUpOffers(context: Context, query: z.output<typeof offersQuerySchema>): Promise<OfferInfo[]> {
  const { disk, bid, ...criteria } = query;
  const need = {
    criteria: { ...criteria, minDirectPorts: criteria.minDirectPorts ?? PORTS_OF_SSH },
    diskGb: disk,
    bid,
  };
  const offers = await context.market.offers(offerQuery(need));
  return candidates(need, offers, new Set()).map((offer) => offerInfo(offer, disk, bid));
}

function offerInfo(offer: Offer, diskGb: number, bid: number | undefined): OfferInfo {
  const dph = allInDph(offer, diskGb, bid);
  const dphCompute = bid ?? offer.dph_base;
  return {
    offerId: offer.id,
    machineId: offer.machine_id,
    hostId: offer.host_id,
    gpu: `${offer.num_gpus}x ${offer.gpu_name}`,
    vramGb: Math.floor(offer.gpu_ram / MB_PER_GB),
    dph: micros(dph),
    dphCompute: micros(dphCompute),
    dphStorage: micros(dph - dphCompute),
    minBid: offer.min_bid ?? undefined,
    verified: offer.verification === "verified",
    reliability: offer.reliability2 ?? undefined,
    cuda: offer.cuda_max_good ?? undefined,
    directPorts: offer.direct_port_count ?? undefined,
    inetUpCost: offer.inet_up_cost ?? undefined,
    inetDownCost: offer.inet_down_cost ?? undefined,
    location: offer.geolocation ?? undefined,
    durationHours: offer.duration == null ? undefined : Math.floor(offer.duration / 3600),
    volumeGb: offer.avail_vol_ask_id == null ? undefined : (offer.avail_vol_size ?? undefined),
  };
}

/** Six decimals of a dollar: sums of floats would show as changes of what is made from them. */
function micros(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}

export const instancesQuerySchema = z.strictObject({
  prefix: z.string().min(1).optional().describe("only labels that are this, or begin with this and a -"),
});
export type InstancesQuery = z.input<typeof instancesQuerySchema>;

/** A contract of the account, whoever rented it. Its environment stays out: it may hold secrets. */
export interface InstanceInfo extends MachineFacts {
  /** As the Vast console shows it. */
  label: string;
  /** Docker image. */
  image: string | undefined;
  /** GB. */
  disk: number;
  /** Rented with a bid. */
  interruptible: boolean;
  /** The mark of the pulumi-vast resource it belongs to, if any. */
  mark: string | undefined;
}

export async function lookUpInstances(
  context: Context,
  { prefix }: z.output<typeof instancesQuerySchema>,
): Promise<InstanceInfo[]> {
  // Not one from before the question: it may be about what this run has just rented.
  const { rows } = await context.sweeper.since(context.clock.elapsedS());
  return [...rows.values()].map(instanceInfo).filter(({ label }) => matchesPrefix(label, prefix));
}

function instanceInfo(row: InstanceRow): InstanceInfo {
  return {
    ...machineFactsOf(row),
    label: row.label ?? "",
    image: row.image_uuid ?? undefined,
    disk: row.disk_space,
    interruptible: row.is_bid,
    mark: markOf(row),
  };
}

/** `trainer` is the fleet of that name and not `trainer2` (design.md, "VastFleet"). */
export function matchesPrefix(label: string, prefix: string | undefined): boolean {
  return prefix === undefined || label === prefix || label.startsWith(`${prefix}-`);
}

export interface VolumeInfo {
  /** Id of the volume. */
  volumeId: number;
  /** As the Vast console shows it. */
  name: string;
  /** GB. */
  size: number;
  /** Id of the machine it is on. */
  machineId: number;
  /** USD/h, until it is deleted. */
  dph: number;
  /** As the service says it. */
  status: string;
  /** Contracts that mount it. */
  instances: number[];
}

export async function lookUpVolumes(context: Context): Promise<VolumeInfo[]> {
  const rows = await context.transport.call(listVolumes);
  return rows.map((row) => ({
    volumeId: row.id,
    name: row.label ?? "",
    size: row.disk_space,
    machineId: row.machine_id,
    dph: row.storage_total_cost ?? 0,
    status: row.status ?? "",
    instances: row.instances ?? [],
  }));
}

export interface AccountInfo {
  /** Id of the account, as states record it. */
  accountId: number;
  /** Its address. */
  email: string | undefined;
  /** USD that can be spent. */
  credit: number | undefined;
}

export async function lookUpAccount(context: Context): Promise<AccountInfo> {
  const { id, email, credit } = await context.account();
  return { accountId: id, email: email ?? undefined, credit: credit ?? undefined };
}

export interface ConnectionInfo {
  /** What `connection` of a CloudSyncTarget takes. */
  connectionId: number;
  /** As given in the Vast console. */
  name: string;
  /** e.g. `s3` */
  type: string;
}

export async function lookUpConnections(context: Context): Promise<ConnectionInfo[]> {
  const connections = await context.transport.call(listConnections);
  return connections.map(({ id, name, cloud_type }) => ({ connectionId: id, name, type: cloud_type }));
}
