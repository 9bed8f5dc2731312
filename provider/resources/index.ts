export type { Limits, StackLimits } from "../fleet/budgets.ts";
export type { FleetCost } from "../fleet/cost.ts";
export { CloudSyncTarget, type CloudSyncTargetArgs } from "./cloud-sync-target.ts";
export {
  type AccountInfo,
  type ConnectionInfo,
  getAccount,
  getAccountOutput,
  getConnections,
  getConnectionsOutput,
  getInstances,
  getInstancesOutput,
  getOffers,
  getOffersOutput,
  getVolumes,
  getVolumesOutput,
  type InstanceInfo,
  type InstancesQuery,
  type OfferInfo,
  type OffersQuery,
  type VolumeInfo,
} from "./data-sources.ts";
export { previewStackCost } from "./preview-cost.ts";
export { VastFleet, type VastFleetArgs } from "./vast-fleet.ts";
export { type OfferArgs, VastInstance, type VastInstanceArgs } from "./vast-instance.ts";
export { VastVolume, type VastVolumeArgs } from "./vast-volume.ts";
