import type { InstanceRow } from "../../api/instances.ts";
import type { Offer } from "../../api/offers.ts";
import { misfit, type Need, usd } from "../../fleet/place.ts";
import { PRICE_TOLERANCE } from "./bids.ts";
import type { InstanceInputs } from "./inputs.ts";

/** Why a contract is not what was asked for: kind, disk, price, machine; undefined when it is. */
export function mismatch(inputs: InstanceInputs, need: Need, row: InstanceRow): string | undefined {
  if (row.is_bid !== (need.bid !== undefined))
    return row.is_bid ? "it is interruptible, on demand was asked" : "it is billed on demand, a bid was given";
  if (row.disk_space < inputs.disk) return `its disk is ${row.disk_space} GB instead of ${inputs.disk}`;
  const cap = need.criteria.maxDph;
  if (cap !== undefined && row.dph_total > cap + PRICE_TOLERANCE)
    return `it costs ${usd(row.dph_total)}/h all-in, over maxDph ${usd(cap)}/h`;
  return "id" in inputs.offer
    ? undefined
    : misfit({ ...need, criteria: { ...need.criteria, maxDph: undefined, minReliability: 0 } }, rentedMachine(row));
}

/** A driver that holds back some of the memory is no other card. */
const LEAST_OF_VRAM = 0.95;

/** Why the GPUs that came up are not those of the offer, a dead one among several for instance; undefined when they are. */
export function otherGpus(offered: InstanceRow, row: InstanceRow): string | undefined {
  if (offered.gpu_name != null && row.gpu_name != null && row.gpu_name !== offered.gpu_name)
    return `its GPU is ${row.gpu_name}, ${offered.gpu_name} was offered`;
  if (offered.num_gpus != null && row.num_gpus != null && row.num_gpus < offered.num_gpus)
    return `it has ${row.num_gpus} GPUs, ${offered.num_gpus} were offered`;
  if (offered.gpu_ram != null && row.gpu_ram != null && row.gpu_ram < LEAST_OF_VRAM * offered.gpu_ram)
    return `its GPU has ${row.gpu_ram} MB of VRAM, ${offered.gpu_ram} were offered`;
  return undefined;
}

export function rentedMachine(
  row: InstanceRow,
): Partial<Offer> & Pick<Offer, "dph_base" | "storage_cost" | "machine_id"> {
  return {
    machine_id: row.machine_id,
    dph_base: row.dph_base,
    storage_cost: row.storage_cost,
    ...(row.host_id == null ? {} : { host_id: row.host_id }),
    ...(row.gpu_name == null ? {} : { gpu_name: row.gpu_name }),
    ...(row.num_gpus == null ? {} : { num_gpus: row.num_gpus }),
    ...(row.gpu_ram == null ? {} : { gpu_ram: row.gpu_ram }),
    reliability2: row.reliability2,
    verification: row.verification,
    cuda_max_good: row.cuda_max_good,
    geolocation: row.geolocation,
    inet_up_cost: row.inet_up_cost,
    inet_down_cost: row.inet_down_cost,
  };
}
