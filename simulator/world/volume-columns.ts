import { driverVers } from "./offer-columns.ts";
import type { Column } from "./query.ts";
import type { Machine } from "./types.ts";
import { freeOnAsk } from "./volumes.ts";
import type { World } from "./world.ts";

export interface VolumeOfferView {
  world: World;
  machine: Machine;
  allocatedGb: number;
  now: number;
}

const MONTH_H = 720;

const number = (get: Column<VolumeOfferView>["get"]): Column<VolumeOfferView> => ({ type: "number", get });
const string = (get: Column<VolumeOfferView>["get"]): Column<VolumeOfferView> => ({ type: "string", get });
const boolean = (get: Column<VolumeOfferView>["get"]): Column<VolumeOfferView> => ({ type: "boolean", get });

const storageCost = (view: VolumeOfferView): number => view.machine.volumeAsk?.storageCost ?? 0;

/** The row of a volume offer (vast-api.md 4). */
export const VOLUME_OFFER_COLUMNS: Readonly<Record<string, Column<VolumeOfferView>>> = {
  id: number((v) => v.machine.volumeAsk?.id ?? null),
  ask_contract_id: number((v) => v.machine.volumeAsk?.id ?? null),
  bundle_id: number((v) => v.machine.offers[0]?.bundleId ?? null),
  machine_id: number((v) => v.machine.id),
  host_id: number((v) => v.machine.hostId),
  disk_space: number((v) => freeOnAsk(v.world, v.machine)),
  disk_name: string((v) => v.machine.diskName),
  disk_bw: number((v) => v.machine.diskBwMbs),
  storage_cost: number(storageCost),
  storage_total_cost: number((v) => (v.allocatedGb * storageCost(v)) / MONTH_H),
  cpu_arch: string((v) => v.machine.cpuArch),
  cpu_ghz: number((v) => v.machine.cpuGhz),
  cpu_name: string((v) => v.machine.cpuName),
  cuda_max_good: number((v) => v.machine.cudaMaxGood),
  driver_version: string((v) => v.machine.driverVersion),
  driver_vers: number((v) => driverVers(v.machine.driverVersion)),
  gpu_arch: string((v) => v.machine.model.arch),
  mobo_name: string((v) => v.machine.moboName),
  inet_up: number((v) => v.machine.inetUpMbps),
  inet_down: number((v) => v.machine.inetDownMbps),
  reliability: number((v) => v.machine.reliability),
  reliability2: number((v) => v.machine.reliability),
  reliability_mult: number((v) => v.machine.reliability ** 8),
  start_date: number((v) => v.machine.listedAt),
  end_date: number((v) => v.machine.endDate),
  duration: number((v) => v.machine.endDate - v.now),
  geolocation: string((v) => v.machine.geolocation),
  geolocode: number((v) => v.machine.geolocode),
  external: boolean(() => false),
  static_ip: boolean((v) => v.machine.staticIp),
  verification: string((v) => v.machine.verification),
  vericode: number((v) => (v.machine.verification === "verified" ? 1 : 0)),
  vms_enabled: boolean((v) => v.machine.vmsEnabled),
  cluster_id: number(() => null),
  nw_disk_min_bw: number(() => null),
  nw_disk_max_bw: number(() => null),
  nw_disk_avg_bw: number(() => null),
  score: number((v) => v.machine.reliability / Math.max(storageCost(v), 0.001)),
};

export const VOLUME_VIRTUAL: Readonly<Record<string, Column<VolumeOfferView>>> = {
  verified: boolean((v) => v.machine.verification === "verified"),
  geolocation: string((v) => v.machine.countryCode),
  datacenter: boolean((v) => v.machine.hostingType === 1),
};
