import { sshHost } from "./addresses.ts";
import { computeRate, diskRate } from "./contract-state.ts";
import { cost } from "./offer-columns.ts";
import { minBid } from "./placement.ts";
import type { Column } from "./query.ts";
import type { Contract, Machine } from "./types.ts";
import type { World } from "./world.ts";

export interface InstanceView {
  world: World;
  contract: Contract;
  machine: Machine;
  now: number;
}

export function instanceView(world: World, contract: Contract): InstanceView {
  return { world, contract, machine: world.machineOf(contract), now: world.now };
}

const GIB_PER_TB = 1024;

const number = (get: Column<InstanceView>["get"]): Column<InstanceView> => ({ type: "number", get });
const string = (get: Column<InstanceView>["get"]): Column<InstanceView> => ({ type: "string", get });
const boolean = (get: Column<InstanceView>["get"]): Column<InstanceView> => ({ type: "boolean", get });
const other = (get: Column<InstanceView>["get"]): Column<InstanceView> => ({ type: "other", get });

/** Columns stored on the contract: these can be filtered and ordered by (vast-api.md 1.5). */
export const STORED_COLUMNS: Readonly<Record<string, Column<InstanceView>>> = {
  id: number((v) => v.contract.id),
  actual_status: string((v) => v.contract.actual),
  intended_status: string((v) => v.contract.intended),
  cur_state: string((v) => v.contract.cur),
  next_state: string((v) => v.contract.next),
  label: string((v) => v.contract.label),
  image_uuid: string((v) => v.contract.image),
  image_runtype: string((v) => v.contract.runtype),
  template_id: number((v) => v.contract.templateId),
  template_hash_id: string((v) => v.contract.templateHashId),
  template_name: string((v) => v.contract.templateName),
  machine_id: number((v) => v.machine.id),
  host_id: number((v) => v.machine.hostId),
  bundle_id: number((v) => v.contract.bundleId),
  start_date: number((v) => v.contract.startDate),
  end_date: number((v) => v.contract.endDate),
  gpu_name: string((v) => v.machine.model.name),
  verification: string((v) => v.machine.verification),
  is_bid: boolean((v) => v.contract.isBid),
  disk_space: number((v) => v.contract.diskGb),
  geolocation: string((v) => v.machine.geolocation),
  public_ipaddr: string((v) => v.machine.publicIp),
};

const running = (v: InstanceView): boolean => v.contract.runningSince !== null;

/** Every field of an instance row (vast-api.md 3.4) but `ports` and `volume_info`. */
export const INSTANCE_COLUMNS: Readonly<Record<string, Column<InstanceView>>> = {
  ...STORED_COLUMNS,
  status_msg: string((v) => v.contract.progress?.(v.now) ?? v.contract.statusMsg),
  image_args: other((v) => v.contract.imageArgs),
  extra_env: other((v) => v.contract.env),
  onstart: string((v) => v.contract.onstart),
  jupyter_token: string((v) => v.contract.jupyterToken),
  ssh_host: string((v) => sshHost(v.contract, v.world.loopbackBlock)),
  ssh_idx: string((v) => String(v.contract.sshIdx)),
  ssh_port: number((v) => v.contract.sshPort),
  machine_dir_ssh_port: number((v) => v.contract.machineDirSshPort),
  local_ipaddrs: string((v) => v.contract.localIps),
  direct_port_count: number((v) => v.machine.directPortCount),
  direct_port_start: number((v) => portSpan(v)[0]),
  direct_port_end: number((v) => portSpan(v)[1]),
  duration: number((v) => v.contract.endDate - v.now),
  uptime_mins: number((v) => (v.contract.runningSince === null ? null : (v.now - v.contract.runningSince) / 60)),
  num_gpus: number((v) => v.contract.gpuIndexes.length),
  gpu_arch: string((v) => v.machine.model.arch),
  gpu_ram: number((v) => v.machine.model.ramMb),
  gpu_totalram: number((v) => v.machine.model.ramMb * v.contract.gpuIndexes.length),
  gpu_frac: number((v) => v.contract.gpuIndexes.length / v.machine.gpuIds.length),
  gpu_lanes: number(() => 16),
  gpu_mem_bw: number((v) => v.machine.model.memBwGbs),
  bw_nvlink: number((v) => v.machine.model.nvlinkGbs),
  gpu_util: number((v) => v.contract.metrics?.gpuUtil ?? null),
  gpu_temp: number((v) => v.contract.metrics?.gpuTemp ?? null),
  gpu_display_active: boolean(() => false),
  compute_cap: number((v) => v.machine.model.computeCap),
  has_avx: number(() => 1),
  cpu_arch: string((v) => v.machine.cpuArch),
  cpu_name: string((v) => v.machine.cpuName),
  cpu_cores: number((v) => v.machine.cpuCores),
  cpu_cores_effective: number((v) => (v.machine.cpuCores * v.contract.gpuIndexes.length) / v.machine.gpuIds.length),
  cpu_ram: number((v) => v.machine.cpuRamMb),
  cpu_util: number((v) => v.contract.metrics?.cpuUtil ?? null),
  mem_limit: number((v) => (v.contract.everRan ? memLimitGb(v) : null)),
  mem_usage: number((v) => v.contract.metrics?.memUsage ?? null),
  vmem_usage: number((v) => v.contract.metrics?.vmemUsage ?? null),
  disk_name: string((v) => v.machine.diskName),
  disk_bw: number((v) => v.machine.diskBwMbs),
  disk_usage: number((v) => (v.contract.everRan ? v.world.disks.usedGb(v.contract) : -1)),
  disk_util: number((v) => (v.contract.everRan ? v.world.disks.usedGb(v.contract) / v.contract.diskGb : -1)),
  inet_up: number((v) => v.machine.inetUpMbps),
  inet_down: number((v) => v.machine.inetDownMbps),
  internet_up_cost_per_tb: number((v) => v.contract.inetUpCostPerGb * GIB_PER_TB),
  internet_down_cost_per_tb: number((v) => v.contract.inetDownCostPerGb * GIB_PER_TB),
  inet_up_cost: number((v) => v.contract.inetUpCostPerGb),
  inet_down_cost: number((v) => v.contract.inetDownCostPerGb),
  // Kilobytes, and null before any traffic.
  inet_up_billed: number((v) => (v.contract.uploadedBytes > 0 ? v.contract.uploadedBytes / 1000 : null)),
  inet_down_billed: number((v) => (v.contract.downloadedBytes > 0 ? v.contract.downloadedBytes / 1000 : null)),
  driver_version: string((v) => v.machine.driverVersion),
  cuda_max_good: number((v) => v.machine.cudaMaxGood),
  os_version: string((v) => v.machine.osVersion),
  mobo_name: string((v) => v.machine.moboName),
  pci_gen: number((v) => v.machine.pciGen),
  pcie_bw: number((v) => v.machine.pcieBwGbs),
  min_bid: number(
    (v) => minBid(v.machine, v.contract.gpuIndexes) ?? v.machine.minBidPerGpu * v.contract.gpuIndexes.length,
  ),
  dph_base: number((v) => v.contract.dphBase),
  dph_total: number(dphTotal),
  storage_cost: number((v) => v.contract.storageCost),
  storage_total_cost: number((v) => diskRate(v.contract)),
  search: other((v) => cost(v.contract.dphBase, diskRate(v.contract), discount(v))),
  instance: other((v) => cost(computeRate(v.world, v.contract) > 0 ? v.contract.dphBase : 0, diskRate(v.contract), 0)),
  dlperf: number(dlperf),
  dlperf_per_dphtotal: number((v) => dlperf(v) / dphTotal(v)),
  total_flops: number(totalFlops),
  flops_per_dphtotal: number((v) => totalFlops(v) / dphTotal(v)),
  score: number((v) => (dlperf(v) / dphTotal(v)) * v.machine.reliability ** 2),
  reliability2: number((v) => v.machine.reliability),
  hosting_type: number((v) => v.machine.hostingType),
  country_code: string(() => null),
  rentable: boolean((v) => v.machine.online),
  static_ip: boolean((v) => v.machine.staticIp),
  external: boolean(() => false),
  logo: string(() => "/static/logos/vastai_small2.png"),
  webpage: string(() => null),
  vram_costperhour: number((v) => dphTotal(v) / (v.machine.model.ramMb * v.contract.gpuIndexes.length)),
  credit_balance: number((v) => v.contract.prepaid?.deposit ?? null),
  credit_discount: number((v) => v.contract.prepaid?.discountRate ?? null),
  credit_discount_max: number((v) => v.machine.creditDiscountMax),
  client_run_time: number((v) => (running(v) ? (v.now - (v.contract.runningSince ?? v.now)) / 3600 : 0)),
  host_run_time: number((v) => v.now - v.machine.listedAt),
  time_remaining: string(() => ""),
  time_remaining_isbid: string(() => ""),
};

function dphTotal(view: InstanceView): number {
  return view.contract.dphBase + diskRate(view.contract);
}

function discount(view: InstanceView): number {
  return view.contract.dphBase * (view.contract.prepaid?.discountRate ?? 0);
}

function dlperf(view: InstanceView): number {
  return view.machine.model.dlperf * view.contract.gpuIndexes.length ** 0.97;
}

function totalFlops(view: InstanceView): number {
  return view.machine.model.tflops * view.contract.gpuIndexes.length;
}

function memLimitGb(view: InstanceView): number {
  const share = view.contract.gpuIndexes.length / view.machine.gpuIds.length;
  return Math.round((view.machine.cpuRamMb / 1024) * share * 10) / 10;
}

function portSpan(view: InstanceView): [number, number] {
  const externals = view.contract.ports.map((port) => port.external);
  return externals.length === 0 ? [-1, -1] : [Math.min(...externals), Math.max(...externals)];
}

type PortMap = Record<string, { HostIp: string; HostPort: string }[]>;

function portMap(contract: Contract): PortMap {
  const map: PortMap = {};
  for (const { internal, protocol, external } of contract.ports) {
    const HostPort = String(external);
    map[`${internal}/${protocol}`] = [
      { HostIp: "0.0.0.0", HostPort },
      { HostIp: "::", HostPort },
    ];
  }
  return map;
}

function volumeInfo(view: InstanceView): object[] {
  return view.contract.mounts.map((mount) => {
    const used = view.world.disks.volumeUsedGb(mount.volumeId);
    const label = view.world.volumes.get(mount.volumeId)?.label ?? mount.volumeName;
    return {
      id: mount.volumeId,
      label,
      type: "machine",
      total_space: mount.sizeGb,
      avail_space: Math.max(0, mount.sizeGb - used),
    };
  });
}

/**
 * The row of show and of the v1 list; only the latter has volume_info (vast-api.md 3.2). `ports` is left out unless
 * there are some: the official client crashes on null (section 7).
 */
export function instanceRow(view: InstanceView, withVolumes: boolean): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(INSTANCE_COLUMNS)) row[name] = column.get(view);
  if (view.contract.ports.length > 0) row.ports = portMap(view.contract);
  if (withVolumes) row.volume_info = volumeInfo(view);
  return row;
}

/** Selected columns only; unknown names come back as null (vast-api.md 1.5). */
export function selectedRow(view: InstanceView, columns: readonly string[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const name of columns) {
    if (name === "volume_info") row[name] = volumeInfo(view);
    else if (name === "ports") row[name] = portMap(view.contract);
    else row[name] = INSTANCE_COLUMNS[name]?.get(view) ?? null;
  }
  return row;
}
