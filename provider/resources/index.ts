export { CloudSyncTarget, type CloudSyncTargetArgs } from "./cloud-sync-target.ts";
export { VastFleet, type VastFleetArgs } from "./vast-fleet.ts";
export { type OfferArgs, VastInstance, type VastInstanceArgs } from "./vast-instance.ts";
export { VastVolume, type VastVolumeArgs } from "./vast-volume.ts";
