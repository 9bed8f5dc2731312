import { round } from "./machine-factory.ts";
import { minBid, onDemandHolder } from "./placement.ts";
import type { Column } from "./query.ts";
import type { Machine, Offer } from "./types.ts";
import { freeOnAsk } from "./volumes.ts";
import type { World } from "./world.ts";

export type OfferType = "on-demand" | "bid" | "reserved";

/** One offer as one caller's search sees it. */
export interface OfferView {
  world: World;
  offer: Offer;
  machine: Machine;
  type: OfferType;
  allocatedGb: number;
  now: number;
  accountId: number | null;
}

const MONTH_H = 720;
const GIB_PER_TB = 1024;

export function gpuCount(view: OfferView): number {
  return view.offer.gpuIndexes.length;
}

export function gpuFraction(view: OfferView): number {
  return view.offer.gpuIndexes.length / view.machine.gpuIds.length;
}

/** $/h without disk, on demand. */
export function dphBase(view: OfferView): number {
  return view.machine.dphPerGpu * gpuCount(view) * view.offer.priceFactor;
}

export function bidFloor(view: OfferView): number {
  return minBid(view.machine, view.offer.gpuIndexes) ?? view.machine.minBidPerGpu * gpuCount(view);
}

export function storageTotal(view: OfferView): number {
  return (view.allocatedGb * view.machine.storageCost) / MONTH_H;
}

/** vast-api.md 2.3: dph_base, for type bid the minimum bid, plus the disk; bandwidth is never part of it. */
function dphTotal(view: OfferView): number {
  if (view.type === "bid") return bidFloor(view) + storageTotal(view);
  if (view.type === "reserved") return discountedTotal(view);
  return dphBase(view) + storageTotal(view);
}

function discountedTotal(view: OfferView): number {
  const discount = view.type === "reserved" ? view.machine.creditDiscountMax : 0;
  return dphBase(view) * (1 - discount) + storageTotal(view);
}

/** GB that instances may still take; what the machine sells as volumes is apart. */
export function freeDiskGb(machine: Machine): number {
  return machine.diskGb - (machine.volumeAsk?.sizeGb ?? 0) - machine.rentedDiskGb;
}

function diskSpace(view: OfferView): number {
  const share = (view.machine.diskGb - (view.machine.volumeAsk?.sizeGb ?? 0)) * gpuFraction(view);
  return round(Math.max(0, Math.min(share, freeDiskGb(view.machine))), 3);
}

export function driverVers(version: string): number {
  const [major = "0", minor = "0", patch = "0"] = version.split(".");
  return Number(major.padStart(3, "0") + minor.padStart(3, "0") + patch.padStart(3, "0"));
}

function rentable(view: OfferView): boolean {
  const { machine, offer } = view;
  return machine.online && !offer.removed && onDemandHolder(machine, offer.gpuIndexes) === undefined;
}

/** Held by the caller: a contract of theirs overlaps these GPUs. */
function rentedByCaller(view: OfferView): boolean {
  return view.machine.rentals.some((rental) => {
    const contract = rental.contractId === null ? undefined : view.world.contracts.get(rental.contractId);
    const overlaps = rental.gpuIndexes.some((index) => view.offer.gpuIndexes.includes(index));
    return overlaps && contract !== undefined && contract.accountId === view.accountId;
  });
}

/** The service's own formula is not published (vast-api.md 9.8): value for money, weighted by reliability. */
function score(view: OfferView): number {
  return (dlperf(view) / dphTotal(view)) * view.machine.reliability ** 2;
}

function dlperf(view: OfferView): number {
  const wobble = 0.94 + 0.12 * ((view.machine.id % 97) / 97);
  return view.machine.model.dlperf * wobble * gpuCount(view) ** 0.97;
}

function totalFlops(view: OfferView): number {
  return view.machine.model.tflops * gpuCount(view);
}

export function cost(gpuCostPerHour: number, diskHour: number, discount: number) {
  const totalHour = gpuCostPerHour + diskHour;
  return {
    gpuCostPerHour,
    diskHour,
    totalHour,
    discountTotalHour: discount,
    discountedTotalPerHour: totalHour - discount,
  };
}

const number = (get: Column<OfferView>["get"]): Column<OfferView> => ({ type: "number", get });
const string = (get: Column<OfferView>["get"]): Column<OfferView> => ({ type: "string", get });
const boolean = (get: Column<OfferView>["get"]): Column<OfferView> => ({ type: "boolean", get });
const other = (get: Column<OfferView>["get"]): Column<OfferView> => ({ type: "other", get });

/** Every field of an offer row (vast-api.md 2.3), in the order of the document's sample. */
export const OFFER_COLUMNS: Readonly<Record<string, Column<OfferView>>> = {
  id: number((v) => v.offer.id),
  ask_contract_id: number((v) => v.offer.id),
  bundle_id: number((v) => v.offer.bundleId),
  bundled_results: number(() => null),
  machine_id: number((v) => v.machine.id),
  host_id: number((v) => v.machine.hostId),
  hosting_type: number((v) => v.machine.hostingType),
  hostname: string(() => null),
  verification: string((v) => v.machine.verification),
  vericode: number((v) => (v.machine.verification === "verified" ? 1 : 0)),
  reliability: number((v) => v.machine.reliability),
  reliability2: number((v) => v.machine.reliability),
  reliability_mult: number((v) => round(v.machine.reliability ** 8, 7)),
  expected_reliability: number((v) => v.machine.reliability),
  rentable: boolean(rentable),
  rented: boolean(rentedByCaller),
  is_bid: boolean((v) => v.type === "bid"),
  external: boolean(() => false),
  rn: number(() => 1),
  num_gpus: number(gpuCount),
  gpu_name: string((v) => v.machine.model.name),
  gpu_arch: string((v) => v.machine.model.arch),
  gpu_ram: number((v) => v.machine.model.ramMb),
  gpu_total_ram: number((v) => v.machine.model.ramMb * gpuCount(v)),
  gpu_frac: number(gpuFraction),
  gpu_ids: other((v) => v.offer.gpuIndexes.map((index) => v.machine.gpuIds[index] ?? 0)),
  gpu_lanes: number(() => 16),
  gpu_mem_bw: number((v) => v.machine.model.memBwGbs),
  gpu_max_power: number((v) => v.machine.model.maxPowerW),
  gpu_max_temp: number((v) => v.machine.gpuMaxTempC),
  gpu_display_active: boolean(() => false),
  bw_nvlink: number((v) => v.machine.model.nvlinkGbs),
  compute_cap: number((v) => v.machine.model.computeCap),
  cuda_max_good: number((v) => v.machine.cudaMaxGood),
  driver_version: string((v) => v.machine.driverVersion),
  driver_vers: number((v) => driverVers(v.machine.driverVersion)),
  cpu_arch: string((v) => v.machine.cpuArch),
  cpu_cores: number((v) => v.machine.cpuCores),
  cpu_cores_effective: number((v) => v.machine.cpuCores * gpuFraction(v)),
  cpu_ghz: number((v) => v.machine.cpuGhz),
  cpu_name: string((v) => v.machine.cpuName),
  cpu_ram: number((v) => v.machine.cpuRamMb),
  has_avx: number(() => 1),
  disk_space: number(diskSpace),
  disk_bw: number((v) => v.machine.diskBwMbs),
  disk_name: string((v) => v.machine.diskName),
  inet_up: number((v) => v.machine.inetUpMbps),
  inet_down: number((v) => v.machine.inetDownMbps),
  inet_up_cost: number((v) => v.machine.inetUpCostPerGb),
  inet_down_cost: number((v) => v.machine.inetDownCostPerGb),
  internet_up_cost_per_tb: number((v) => v.machine.inetUpCostPerGb * GIB_PER_TB),
  internet_down_cost_per_tb: number((v) => v.machine.inetDownCostPerGb * GIB_PER_TB),
  direct_port_count: number((v) => v.machine.directPortCount),
  static_ip: boolean((v) => v.machine.staticIp),
  public_ipaddr: string((v) => v.machine.publicIp),
  mobo_name: string((v) => v.machine.moboName),
  pci_gen: number((v) => v.machine.pciGen),
  pcie_bw: number((v) => v.machine.pcieBwGbs),
  os_version: string((v) => v.machine.osVersion),
  dlperf: number(dlperf),
  dlperf_per_dphtotal: number((v) => dlperf(v) / dphTotal(v)),
  total_flops: number(totalFlops),
  flops_per_dphtotal: number((v) => totalFlops(v) / dphTotal(v)),
  score: number(score),
  dph_base: number(dphBase),
  storage_cost: number((v) => v.machine.storageCost),
  storage_total_cost: number(storageTotal),
  dph_total: number(dphTotal),
  dph_total_adj: number(dphTotal),
  discount_rate: number((v) => (v.type === "reserved" ? v.machine.creditDiscountMax : 0)),
  discounted_hourly: number((v) => (v.type === "reserved" ? dphBase(v) * (1 - v.machine.creditDiscountMax) : 0)),
  discounted_dph_total: number(discountedTotal),
  credit_discount_max: number((v) => v.machine.creditDiscountMax),
  min_bid: number(bidFloor),
  vram_costperhour: number((v) => dphBase(v) / ((v.machine.model.ramMb * gpuCount(v)) / 1024)),
  search: other((v) =>
    cost(
      v.type === "bid" ? bidFloor(v) : dphBase(v),
      storageTotal(v),
      dphBase(v) + storageTotal(v) - discountedTotal(v),
    ),
  ),
  instance: other((v) => cost(0, storageTotal(v), 0)),
  start_date: number((v) => v.machine.listedAt),
  end_date: number((v) => v.machine.endDate),
  duration: number((v) => v.machine.endDate - v.now),
  time_remaining: string(() => ""),
  time_remaining_isbid: string(() => ""),
  geolocation: string((v) => v.machine.geolocation),
  geolocode: number((v) => v.machine.geolocode),
  logo: string(() => "/static/logos/vastai_small2.png"),
  webpage: string(() => null),
  vms_enabled: boolean((v) => v.machine.vmsEnabled),
  is_vm_deverified: boolean(() => false),
  resource_type: string(() => "gpu"),
  cluster_id: number(() => null),
  avail_vol_ask_id: number((v) => v.machine.volumeAsk?.id ?? null),
  avail_vol_dph: number((v) => availableVolumeDph(v)),
  avail_vol_size: number((v) => (v.machine.volumeAsk ? freeOnAsk(v.world, v.machine) : null)),
  nw_disk_min_bw: number(() => null),
  nw_disk_max_bw: number(() => null),
  nw_disk_avg_bw: number(() => null),
  platform_fee: number(() => null),
};

/** $/h of the whole volume on offer. */
function availableVolumeDph(view: OfferView): number | null {
  const ask = view.machine.volumeAsk;
  return ask ? (freeOnAsk(view.world, view.machine) * ask.storageCost) / MONTH_H : null;
}

export function rowOf<T>(columns: Readonly<Record<string, Column<T>>>, subject: T): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(columns)) row[name] = column.get(subject);
  return row;
}
