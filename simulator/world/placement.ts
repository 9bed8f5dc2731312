import type { Machine, Rental } from "./types.ts";

export interface Claim {
  isBid: boolean;
  dphPerGpu: number;
}

function overlapping(machine: Machine, gpuIndexes: readonly number[]): Rental[] {
  return machine.rentals.filter((rental) => rental.gpuIndexes.some((index) => gpuIndexes.includes(index)));
}

export function onDemandHolder(machine: Machine, gpuIndexes: readonly number[]): Rental | undefined {
  return machine.rentals.find(
    (rental) => !rental.isBid && rental.gpuIndexes.some((index) => gpuIndexes.includes(index)),
  );
}

/** On demand beats every bid; among bids the highest wins (vast-api.md 3.6, spot market). */
export function mayHost(machine: Machine, gpuIndexes: readonly number[], claim: Claim): boolean {
  if (!machine.online) return false;
  if (claim.isBid && claim.dphPerGpu < machine.minBidPerGpu - 1e-9) return false;
  return overlapping(machine, gpuIndexes).every((held) => held.isBid && beats(claim, held));
}

/** Those who lose their GPUs when the claim is served. */
export function losers(machine: Machine, gpuIndexes: readonly number[]): Rental[] {
  return overlapping(machine, gpuIndexes);
}

/** $/h for the whole slice: the lowest bid that would win now. Null while somebody holds it on demand. */
export function minBid(machine: Machine, gpuIndexes: readonly number[]): number | null {
  let perGpu = machine.minBidPerGpu;
  for (const held of overlapping(machine, gpuIndexes)) {
    if (!held.isBid) return null;
    perGpu = Math.max(perGpu, held.dphPerGpu + BID_STEP_PER_GPU);
  }
  return perGpu * gpuIndexes.length;
}

/** A bid has to be above the present holder's by this much per GPU. */
const BID_STEP_PER_GPU = 0.001;

function beats(claim: Claim, held: Rental): boolean {
  return !claim.isBid || claim.dphPerGpu > held.dphPerGpu;
}
