import { cudaOfImage } from "../../fleet/image.ts";
import type { Need, OfferCriteria } from "../../fleet/place.ts";
import type { Criteria } from "./criteria.ts";
import type { InstanceInputs } from "./inputs.ts";

const HOUR_S = 3600;

/** The inputs that say which offers would do. */
export const NEED_INPUTS = {
  offer: true,
  disk: true,
  bid: true,
  image: true,
  imageCuda: true,
  ports: true,
  runtype: true,
  maxDurationHours: true,
  expiresAt: true,
  volume: true,
} as const satisfies Partial<Record<keyof InstanceInputs, true>>;
type NeedInputs = Pick<InstanceInputs, keyof typeof NEED_INPUTS>;

/** The offers that would do for these inputs, in the terms of the placement; `nowS` is the epoch, for `expiresAt`. */
export function needOf(inputs: NeedInputs, nowS: number): Need {
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
        minDurationHours: inputs.maxDurationHours ?? hoursUntil(inputs.expiresAt, nowS),
      };
  return { criteria, diskGb: inputs.disk, bid: inputs.bid, machineId: inputs.volume?.machineId };
}

/** The need of a contract that stands for the inputs: with a fallback it may be on demand instead of interruptible. */
export function needOfRented(inputs: InstanceInputs, isBid: boolean, nowS: number): Need {
  const need = needOf(inputs, nowS);
  return !isBid && inputs.fallback === "on-demand" ? onDemand(need) : need;
}

/** The same need, without a bid. */
export function onDemand(need: Need): Need {
  return { ...need, bid: undefined };
}

/** Whole hours: the workers of a fleet, chosen within a moment, must ask the market the same question. */
function hoursUntil(expiresAt: string | undefined, nowS: number): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(0, Math.ceil((Date.parse(expiresAt) / 1000 - nowS) / HOUR_S));
}

function directPorts(inputs: NeedInputs): number {
  const asked = "gpu" in inputs.offer ? inputs.offer.minDirectPorts : undefined;
  const needed = inputs.ports.length + (inputs.runtype.endsWith("_direct") ? 1 : 0);
  return Math.max(asked ?? 0, needed);
}

function minCuda(inputs: NeedInputs): number | undefined {
  const asked = "gpu" in inputs.offer ? inputs.offer.minCuda : undefined;
  return asked ?? inputs.imageCuda ?? (inputs.image === undefined ? undefined : cudaOfImage(inputs.image));
}
