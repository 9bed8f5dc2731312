import { allInDph, type Offer, type OfferQuery } from "../api/offers.ts";
import { count } from "./cost.ts";
import { gpuNames, MB_PER_GB, type Need, type OfferCriteria, usd } from "./place.ts";

/** Least disk that offers are searched with, GB: `allocated_storage` also leaves out those with less. */
const LEAST_DISK_GB = 8;

/** Any offer of the GPUs, whatever else the need asks for; the cheapest first. */
export function widestQuery(need: Need): OfferQuery {
  const names = gpuNames(need.criteria);
  return {
    filters: {
      rentable: { eq: true },
      rented: { eq: false },
      num_gpus: { eq: need.criteria.count },
      ...(names.length > 0 ? { gpu_name: { in: names } } : {}),
    },
    type: need.bid === undefined ? "on-demand" : "bid",
    order: [["dph_total", "asc"]],
    allocatedStorageGb: LEAST_DISK_GB,
  };
}

interface Criterion {
  /** As in "12 with 100 GB of disk". */
  asks: string;
  admits(offer: Offer): boolean;
  /** The nearest to it that these offers have. */
  nearest?(offers: readonly Offer[]): string;
}

/**
 * How many of the offers each criterion leaves, one after the other, down to the one that leaves none, and what would do
 * there: often that is the one to give way.
 */
export function narrowing(need: Need, offers: readonly Offer[], volumeGb: number | undefined): string {
  const gpus = `${need.criteria.count}x ${gpuNames(need.criteria).join(", ")}`;
  if (offers.length === 0) return `nobody offers ${gpus}`;
  const steps = [`of ${count(offers.length, "offer")} of ${gpus}`];
  let left = offers;
  for (const { asks, admits, nearest } of criteriaOf(need, volumeGb)) {
    const next = left.filter(admits);
    if (next.length === 0) return `${[...steps, `none ${asks}`].join(", ")}${nearest ? ` (${nearest(left)})` : ""}`;
    if (next.length < left.length) steps.push(`${next.length} ${asks}`);
    left = next;
  }
  // What an offer does not show: the service alone can judge it.
  const { minDiskBandwidth, minInetDown } = need.criteria;
  const unseen = minDiskBandwidth !== undefined || minInetDown !== undefined;
  return [...steps, unseen ? "none with the disk or network speed asked for" : "all taken by other workers"].join(", ");
}

/** Price last: who cannot have a machine at any price does not need to hear of it. */
function criteriaOf(need: Need, volumeGb: number | undefined): Criterion[] {
  return [...hostCriteria(need), ...machineCriteria(need, volumeGb), ...priceCriteria(need)];
}

function hostCriteria({ criteria: c, machineId }: Need): Criterion[] {
  const { countries } = c;
  return [
    ...when(machineId, (id) => ({
      asks: `on machine ${id}, as its volume`,
      admits: (offer) => offer.machine_id === id,
    })),
    ...when(c.verified || undefined, () => ({
      asks: "on verified hosts",
      admits: ({ verification }) => verification === "verified",
    })),
    ...atLeast(c.minReliability, (share) => `with a reliability of ${share}`, {
      of: ({ reliability2 }) => reliability2 ?? 0,
      shown: (share) => share.toFixed(3),
    }),
    ...when(countries, (codes) => ({
      asks: `in ${codes.join(", ")}`,
      admits: ({ geolocation }) => codes.includes(geolocation?.trim().slice(-2) ?? ""),
    })),
    ...when(isExcluding(c) || undefined, () => ({
      asks: "that is not excluded",
      admits: ({ machine_id, host_id }) => !c.excludeMachines.includes(machine_id) && !c.excludeHosts.includes(host_id),
    })),
  ];
}

function isExcluding({ excludeMachines, excludeHosts }: OfferCriteria): boolean {
  return excludeMachines.length + excludeHosts.length > 0;
}

function machineCriteria({ criteria: c, diskGb }: Need, volumeGb: number | undefined): Criterion[] {
  const gb = (amount: number) => `${Math.floor(amount)} GB`;
  return [
    ...atLeast(c.minVramGb, (least) => `with ${least} GB of VRAM`, { of: (o) => o.gpu_ram / MB_PER_GB, shown: gb }),
    ...atLeast(c.minCuda, (cuda) => `with a driver for CUDA ${cuda}`, { of: (o) => o.cuda_max_good ?? 0 }),
    ...atLeast(c.minDirectPorts, (ports) => `with ${count(ports, "open port")}`, {
      of: (o) => o.direct_port_count ?? 0,
    }),
    ...atLeast(diskGb, (least) => `with ${least} GB of disk`, { of: (o) => o.disk_space, shown: gb }),
    ...atLeast(volumeGb, (least) => `with room for a volume of ${least} GB`, { of: volumeRoomGb, shown: gb }),
    ...atLeast(c.minDurationHours, (hours) => `for ${hours} hours`, {
      of: (o) => (o.duration ?? 0) / 3600,
      shown: (hours) => `${Math.floor(hours)} hours`,
    }),
  ];
}

function priceCriteria({ criteria: c, diskGb, bid }: Need): Criterion[] {
  const bandwidth = (offer: Offer) => Math.max(offer.inet_up_cost ?? 0, offer.inet_down_cost ?? 0);
  return [
    ...atMost(c.maxBandwidthPrice, (price) => `with bandwidth at ${usd(price)}/GB or less`, bandwidth, "/GB"),
    ...atMost(
      bid,
      (price) => `that a bid of ${usd(price)}/h wins`,
      ({ min_bid }) => min_bid ?? 0,
      "/h",
    ),
    ...atMost(
      c.maxDph,
      (cap) => `at ${usd(cap)}/h or less`,
      (offer) => allInDph(offer, diskGb, bid),
      "/h all-in",
    ),
  ];
}

function when<T>(wanted: T | undefined, criterion: (wanted: T) => Criterion): Criterion[] {
  return wanted === undefined ? [] : [criterion(wanted)];
}

function atLeast(
  least: number | undefined,
  asks: (least: number) => string,
  { of, shown = String }: { of: (offer: Offer) => number; shown?: (value: number) => string },
): Criterion[] {
  return when(least, (bound) => ({
    asks: asks(bound),
    admits: (offer) => of(offer) >= bound,
    nearest: (offers) => `the most is ${shown(Math.max(...offers.map(of)))}`,
  }));
}

function atMost(
  most: number | undefined,
  asks: (most: number) => string,
  of: (offer: Offer) => number,
  unit: string,
): Criterion[] {
  return when(most, (bound) => ({
    asks: asks(bound),
    admits: (offer) => of(offer) <= bound + 1e-9,
    nearest: (offers) => `the least is ${usd(Math.min(...offers.map(of)))}${unit}`,
  }));
}

/** GB of a volume that the offer's machine has room for; 0 where it rents out none. */
export function volumeRoomGb({ avail_vol_ask_id, avail_vol_size }: Offer): number {
  return avail_vol_ask_id == null ? 0 : (avail_vol_size ?? 0);
}
