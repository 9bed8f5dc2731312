import type { InstanceRow } from "../../provider/api/instances.ts";
import type { Offer } from "../../provider/api/offers.ts";
import { MARK_VARIABLE } from "../../provider/lifecycle/mark.ts";

/** The running instance of vast-api.md 3.4. */
export function instanceRow(different: Partial<InstanceRow> = {}): InstanceRow {
  return {
    id: 36_717_044,
    actual_status: "running",
    intended_status: "running",
    cur_state: "running",
    next_state: "running",
    status_msg: "success, running nvidia/cuda_12.2.0-devel-ubuntu22.04/ssh",
    label: "train-a-worker-0",
    machine_id: 22_990,
    host_id: 125_418,
    image_uuid: "nvidia/cuda:12.2.0-devel-ubuntu22.04",
    image_runtype: "ssh ssh_direc ssh_proxy",
    extra_env: [["HF_HOME", "/workspace/hf"]],
    gpu_name: "RTX 4090",
    num_gpus: 1,
    gpu_ram: 24_564,
    is_bid: false,
    min_bid: 0.2,
    dph_base: 0.2466667,
    dph_total: 0.2508333,
    storage_cost: 0.15,
    disk_space: 20,
    reliability2: 0.97,
    verification: "verified",
    cuda_max_good: 12.2,
    geolocation: "Guangxi, CN",
    duration: 2_996_400,
    ...different,
  };
}

export function markedRow(id: number, mark: string, different: Partial<InstanceRow> = {}): InstanceRow {
  return instanceRow({ id, extra_env: [[MARK_VARIABLE, mark]], ...different });
}

/** The offer of vast-api.md 2.3, all of whose prices are round here. */
export function offer(different: Partial<Offer> = {}): Offer {
  return {
    id: 11_684_738,
    machine_id: 22_990,
    host_id: 125_418,
    gpu_name: "RTX 4090",
    num_gpus: 1,
    gpu_ram: 24_564,
    verification: "verified",
    reliability2: 0.97,
    dph_base: 0.25,
    storage_cost: 0.144,
    min_bid: 0.2,
    inet_up_cost: 0.01,
    inet_down_cost: 0.01,
    disk_space: 1600,
    direct_port_count: 249,
    cuda_max_good: 12.2,
    geolocation: "Guangxi, CN",
    duration: 1e7,
    ...different,
  };
}
