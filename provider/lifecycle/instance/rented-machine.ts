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
