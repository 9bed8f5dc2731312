import { allInDph, type Offer, type OfferQuery } from "../api/offers.ts";
import { resolveGpu } from "./gpu-names.ts";

/** What a machine must be like; `maxDph` is USD/h all-in for GPUs (or bid) and disk. See docs/resources/vast-instance.md. */
export interface OfferCriteria {
  gpu: string[];
  count: number;
  minVramGb?: number | undefined;
  verified: boolean;
  minReliability: number;
  minDirectPorts: number;
  minCuda?: number | undefined;
  maxDph?: number | undefined;
  maxBandwidthPrice?: number | undefined;
  minDiskBandwidth?: number | undefined;
  minInetDown?: number | undefined;
  countries?: string[] | undefined;
  excludeMachines: number[];
  excludeHosts: number[];
  minDurationHours?: number | undefined;
  order: "price" | "performance" | "reliability";
}

export interface Need {
  criteria: OfferCriteria;
  diskGb: number;
  /** USD/h for an interruptible rental; undefined rents on demand. */
  bid?: number | undefined;
  /** A volume's machine: nothing else will do. */
  machineId?: number | undefined;
}

/** The API multiplies GB by 1000 (vast-api.md 1.6), so "24 GB" means at least 24000. */
export const MB_PER_GB = 1000;

const ORDERS: Readonly<Record<OfferCriteria["order"], OfferQuery["order"]>> = {
  price: [["dph_total", "asc"]],
  performance: [["dlperf_per_dphtotal", "desc"]],
  reliability: [
    ["reliability2", "desc"],
    ["dph_total", "asc"],
  ],
};

export function offerQuery(need: Need): OfferQuery {
  const c = need.criteria;
  const filters: OfferQuery["filters"] = { rentable: { eq: true }, rented: { eq: false }, num_gpus: { eq: c.count } };
  const names = gpuNames(c);
  if (names.length > 0) filters.gpu_name = { in: names };
  if (c.verified) filters.verified = { eq: true };
  if (c.minVramGb !== undefined) filters.gpu_ram = { gte: c.minVramGb * MB_PER_GB };
  filters.reliability = { gte: c.minReliability };
  filters.direct_port_count = { gte: c.minDirectPorts };
  filters.disk_space = { gte: need.diskGb };
  if (c.minCuda !== undefined) filters.cuda_max_good = { gte: c.minCuda };
  if (c.maxDph !== undefined && need.bid === undefined) filters.dph_total = { lte: c.maxDph };
  if (c.minDiskBandwidth !== undefined) filters.disk_bw = { gte: c.minDiskBandwidth };
  if (c.minInetDown !== undefined) filters.inet_down = { gte: c.minInetDown };
  if (c.maxBandwidthPrice !== undefined) {
    filters.inet_up_cost = { lte: c.maxBandwidthPrice };
    filters.inet_down_cost = { lte: c.maxBandwidthPrice };
  }
  if (c.countries !== undefined) filters.geolocation = { in: c.countries };
  if (c.minDurationHours !== undefined) filters.duration = { gte: c.minDurationHours * 3600 };
  if (c.excludeMachines.length > 0) filters.machine_id = { notin: c.excludeMachines };
  if (c.excludeHosts.length > 0) filters.host_id = { notin: c.excludeHosts };
  if (need.machineId !== undefined) filters.machine_id = { ...filters.machine_id, eq: need.machineId };
  if (need.bid !== undefined) filters.min_bid = { lte: need.bid };
  return {
    filters,
    type: need.bid === undefined ? "on-demand" : "bid",
    order: ORDERS[c.order],
    allocatedStorageGb: need.diskGb,
  };
}

export function gpuNames(criteria: Pick<OfferCriteria, "gpu">): string[] {
  return criteria.gpu.flatMap((gpu) => {
    const found = resolveGpu(gpu);
    return "names" in found ? found.names : [];
  });
}

/** Why an offer (or the machine behind a contract) does not do; undefined when it does. */
export function misfit(
  need: Need,
  machine: Partial<Offer> & Pick<Offer, "dph_base" | "storage_cost" | "machine_id">,
): string | undefined {
  const c = need.criteria;
  const names = gpuNames(c);
  const price = allInDph(machine, need.diskGb, need.bid);
  const country = machine.geolocation?.trim().slice(-2);
  const checks: [boolean, string][] = [
    [
      need.machineId !== undefined && machine.machine_id !== need.machineId,
      `machine ${machine.machine_id} is not ${need.machineId}`,
    ],
    [
      names.length > 0 && machine.gpu_name !== undefined && !names.includes(machine.gpu_name),
      `GPU is ${machine.gpu_name}`,
    ],
    [machine.num_gpus !== undefined && machine.num_gpus !== c.count, `${machine.num_gpus} GPUs instead of ${c.count}`],
    [
      below(machine.gpu_ram, c.minVramGb === undefined ? undefined : c.minVramGb * MB_PER_GB),
      `${machine.gpu_ram} MB of VRAM`,
    ],
    [
      c.verified && typeof machine.verification === "string" && machine.verification !== "verified",
      `host is ${machine.verification}`,
    ],
    [below(machine.reliability2, c.minReliability), `reliability ${machine.reliability2} is below ${c.minReliability}`],
    [below(machine.cuda_max_good, c.minCuda), `driver runs CUDA ${machine.cuda_max_good}, ${c.minCuda} is needed`],
    [
      c.maxDph !== undefined && price > c.maxDph + 1e-9,
      `${usd(price)}/h all-in is over maxDph ${usd(c.maxDph ?? 0)}/h`,
    ],
    [
      above(machine.inet_up_cost, c.maxBandwidthPrice) || above(machine.inet_down_cost, c.maxBandwidthPrice),
      "bandwidth price is over the limit",
    ],
    [c.countries !== undefined && country !== undefined && !c.countries.includes(country), `host is in ${country}`],
    [c.excludeMachines.includes(machine.machine_id), `machine ${machine.machine_id} is excluded`],
    [
      typeof machine.host_id === "number" && c.excludeHosts.includes(machine.host_id),
      `host ${machine.host_id} is excluded`,
    ],
  ];
  return checks.find(([bad]) => bad)?.[1];
}

/**
 * Offers that do, best first and one per machine: after a dud the next try must be on another machine, and a search
 * lists a machine once per slice.
 */
export function candidates(need: Need, offers: readonly Offer[], avoidMachines: ReadonlySet<number>): Offer[] {
  const machines = new Set<number>();
  const price = (offer: Offer) => allInDph(offer, need.diskGb, need.bid);
  const fitting = offers.filter((offer) => {
    if (misfit(need, offer) !== undefined || offer.disk_space < need.diskGb) return false;
    if ((offer.direct_port_count ?? 0) < need.criteria.minDirectPorts) return false;
    return need.bid === undefined || (offer.min_bid ?? 0) <= need.bid;
  });
  const ordered =
    need.criteria.order === "price" ? fitting.toSorted((a, b) => price(a) - price(b) || a.id - b.id) : fitting;
  return ordered.filter((offer) => {
    if (machines.has(offer.machine_id) || avoidMachines.has(offer.machine_id)) return false;
    machines.add(offer.machine_id);
    return true;
  });
}

/** What others of one run have taken, or will take. */
export interface Claims {
  offers: ReadonlySet<number>;
  machines: ReadonlySet<number>;
}

/**
 * Offers for one of several workers, best first: on machines that no other has and, only where `mayShare`, on theirs. A
 * fleet larger than the matching machines shares them rather than staying short.
 */
export function spreadCandidates(
  need: Need,
  offers: readonly Offer[],
  { avoid, claimed, mayShare }: { avoid: ReadonlySet<number>; claimed: Claims; mayShare: boolean },
): Offer[] {
  const open = offers.filter((offer) => !claimed.offers.has(offer.id));
  const spread = need.machineId === undefined ? candidates(need, open, new Set([...avoid, ...claimed.machines])) : [];
  return spread.length > 0 || !mayShare ? spread : candidates(need, open, avoid);
}

export function usd(amount: number): string {
  return `$${amount.toFixed(amount < 10 ? 3 : 2)}`;
}

function below(value: number | null | undefined, min: number | undefined): boolean {
  return typeof value === "number" && min !== undefined && value < min;
}

function above(value: number | null | undefined, max: number | undefined): boolean {
  return typeof value === "number" && max !== undefined && value > max;
}
