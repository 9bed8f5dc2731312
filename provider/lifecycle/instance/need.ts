import { cudaOfImage } from "../../fleet/image.ts";
import type { Need, OfferCriteria } from "../../fleet/place.ts";
import type { Criteria } from "./criteria.ts";
import type { InstanceInputs } from "./inputs.ts";

/** The offers that would do for these inputs, in the terms of the placement. */
export function needOf(inputs: InstanceInputs): Need {
  const pinned = "id" in inputs.offer;
  const criteria: OfferCriteria = pinned
    ? // A pinned offer is the user's own choice of machine; only the price is held.
      {
        gpu: [],
        count: 0,
        verified: false,
        minReliability: 0,
        minDirectPorts: 0,
        maxDph: inputs.offer.maxDph,
        excludeMachines: [],
        excludeHosts: [],
        order: "price",
      }
    : {
        ...(inputs.offer as Criteria),
        minDirectPorts: directPorts(inputs),
        minCuda: minCuda(inputs),
        minDurationHours: inputs.maxDurationHours,
      };
  return { criteria, diskGb: inputs.disk, bid: inputs.bid, machineId: inputs.volume?.machineId };
}

function directPorts(inputs: InstanceInputs): number {
  const asked = "gpu" in inputs.offer ? inputs.offer.minDirectPorts : undefined;
  const needed = inputs.ports.length + (inputs.runtype.endsWith("_direct") ? 1 : 0);
  return Math.max(asked ?? 0, needed);
}

function minCuda(inputs: InstanceInputs): number | undefined {
  return ("gpu" in inputs.offer ? inputs.offer.minCuda : undefined) ?? inputs.imageCuda ?? cudaOfImage(inputs.image);
}

/** Is this a bid that `bid` and `maxBid` allow? */
export function withinBids(bid: number, { bid: lowest, maxBid }: Pick<InstanceInputs, "bid" | "maxBid">): boolean {
  return lowest !== undefined && bid >= lowest - 1e-6 && bid <= (maxBid ?? lowest) + 1e-6;
}
