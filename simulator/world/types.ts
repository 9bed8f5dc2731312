import type { Scheduled } from "./event-queue.ts";
import type { GpuModel } from "./gpu-models.ts";

/** Who holds GPUs of a machine right now: a contract of ours, or a renter outside the simulated accounts. */
export interface Rental {
  id: number;
  contractId: number | null;
  gpuIndexes: readonly number[];
  isBid: boolean;
  /** $/h per GPU: decides between bids. */
  dphPerGpu: number;
  /** The event with which a renter outside the accounts leaves. */
  leaving?: Scheduled;
}

export interface VolumeAsk {
  id: number;
  sizeGb: number;
  storageCost: number;
}

export interface Machine {
  id: number;
  hostId: number;
  model: GpuModel;
  gpuIds: readonly number[];
  rentals: Rental[];
  offers: Offer[];
  volumeAsk: VolumeAsk | null;
  online: boolean;
  hostingType: 0 | 1;
  verification: "verified" | "unverified" | "deverified";
  reliability: number;
  geolocation: string;
  countryCode: string;
  geolocode: number;
  publicIp: string;
  staticIp: boolean;
  directPortCount: number;
  cpuName: string;
  cpuArch: "amd64" | "arm64";
  cpuCores: number;
  cpuGhz: number;
  cpuRamMb: number;
  diskGb: number;
  /** GB that living contracts hold. */
  rentedDiskGb: number;
  diskName: string;
  diskBwMbs: number;
  inetUpMbps: number;
  inetDownMbps: number;
  inetUpCostPerGb: number;
  inetDownCostPerGb: number;
  /** $/GB/month */
  storageCost: number;
  /** $/h per GPU, on demand. */
  dphPerGpu: number;
  /** $/h per GPU: no bid below this is taken. */
  minBidPerGpu: number;
  cudaMaxGood: number;
  driverVersion: string;
  osVersion: string;
  moboName: string;
  pciGen: number;
  pcieBwGbs: number;
  gpuMaxTempC: number;
  vmsEnabled: boolean;
  listedAt: number;
  endDate: number;
  creditDiscountMax: number;
  /** Images whose layers are on the machine already: no second pull. */
  images: Set<string>;
  /** External ports in use, so that no two contracts share one. */
  portsInUse: Set<number>;
}

/** A slice of a machine's GPUs that can be rented as one contract. */
export interface Offer {
  id: number;
  machineId: number;
  bundleId: number;
  gpuIndexes: readonly number[];
  removed: boolean;
  /** Above 1 after a price-rise fault. */
  priceFactor: number;
}

export type ActualStatus =
  | "created"
  | "loading"
  | "running"
  | "stopped"
  | "frozen"
  | "exited"
  | "rebooting"
  | "recycling"
  | "unknown"
  | "offline";
export type TargetState = "running" | "stopped" | "frozen";
export type ContractState = "running" | "stopped" | "unloaded";

export interface PortMapping {
  internal: number;
  protocol: "tcp" | "udp";
  external: number;
}

export interface Mount {
  volumeId: number;
  path: string;
  /** As extra_env shows it. */
  volumeName: string;
  sizeGb: number;
}

/** An instance, in Vast's words a contract. */
export interface Contract {
  id: number;
  accountId: number;
  apiKey: string;
  machineId: number;
  offerId: number;
  bundleId: number;
  gpuIndexes: readonly number[];
  isBid: boolean;
  /** $/h for the whole slice without disk; for a bid the bid itself. */
  dphBase: number;
  storageCost: number;
  inetUpCostPerGb: number;
  inetDownCostPerGb: number;
  diskGb: number;
  label: string | null;
  image: string;
  imageLogin: string | null;
  imageArgs: string[];
  runtype: string;
  env: [string, string][];
  onstart: string | null;
  templateId: number | null;
  templateHashId: string | null;
  templateName: string | null;
  /** A virtual machine: copied as a whole disk only. */
  isVm: boolean;
  jupyterToken: string;
  sshIdx: number;
  sshPort: number;
  machineDirSshPort: number;
  localIps: string;
  mounts: Mount[];
  sshKeys: { id: number; name: string; publicKey: string }[];
  startDate: number;
  endDate: number;
  actual: ActualStatus | null;
  intended: TargetState;
  cur: ContractState;
  next: ContractState;
  statusMsg: string | null;
  /** Shown instead of statusMsg while set: text that changes with time, such as a pull's progress. */
  progress: ((now: number) => string) | null;
  ports: PortMapping[];
  runningSince: number | null;
  everRan: boolean;
  /** Stopped while its machine had no room: starts by itself when there is (vast-api.md 3.5, "choose: queued"). */
  queued: boolean;
  /** Stopped by a higher bid or an on-demand renter: a bid resumes by itself when it has priority again. */
  outbid: boolean;
  /** Last metrics, which stay in the row after a stop as stale values. */
  metrics: Metrics | null;
  /** A broken card, set from outside; shows in nvidia-smi. */
  gpuFault: "lost" | "driver" | null;
  uploadedBytes: number;
  downloadedBytes: number;
  destroyedAt: number | null;
  /** Until then a destroyed contract still shows in the list. */
  listedUntil: number | null;
  /** The life's next step; stop, destroy and the like cancel it. */
  pending: Scheduled | undefined;
  expiry: Scheduled | undefined;
  containerLog: string[];
  daemonLog: string[];
  prepaid: Prepaid | null;
}

export interface Prepaid {
  deposit: number;
  discountRate: number;
  months: number;
  since: number;
  /** USD of discount before the last top-up. */
  enjoyedBefore: number;
  /** The moment the deposit is used up. */
  end: Scheduled | undefined;
}

export interface Metrics {
  gpuUtil: number;
  gpuTemp: number;
  cpuUtil: number;
  memUsage: number;
  vmemUsage: number;
}

export interface Volume {
  id: number;
  accountId: number;
  machineId: number;
  askId: number;
  label: string | null;
  sizeGb: number;
  storageCost: number;
  startDate: number;
  endDate: number;
  /** Contracts that hold it; a destroyed one lets go some 30 s later (vast-api.md 3.5). */
  instances: number[];
  deletedAt: number | null;
}

export interface ApiKey {
  id: number;
  key: string;
  name: string;
  /** null: everything. */
  permissions: { api: Record<string, unknown> } | null;
  /** As given with the key; what they mean is not documented. */
  params?: unknown;
  /** An instance's own key may only touch that instance. */
  instanceId: number | null;
  createdAt: number;
}

export interface SshKey {
  id: number;
  publicKey: string;
  createdAt: number;
}

export interface Connection {
  id: number;
  accountId: number;
  name: string;
  cloudType: string;
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  forcePathStyle: boolean;
}

export interface Account {
  id: number;
  username: string;
  email: string;
  fullname: string;
  createdAt: number;
  parentId: number | null;
  keys: ApiKey[];
  sshKeys: SshKey[];
  secrets: Map<string, string>;
  profile: Record<string, string | number | boolean | null>;
  autobill: { threshold: number; amount: number } | null;
  balanceThreshold: number | null;
  hasRented: boolean;
  standing: Standing;
  /** USD below zero at which everything is deleted; set when the credit is used up. */
  graceUsd: number | null;
}

/** What the service holds against an account, or knows of it: set through the admin API, since no renter's call can. */
export interface Standing {
  /** A fresh account, or one whose mail address is unverified, runs into the service's spending limit at create. */
  emailVerified: boolean;
  /** The account belongs to a team, which keeps its SSH keys elsewhere. */
  team: string | null;
  /** Of a host who may rent their own machines only. */
  hostOnly: boolean;
  /** May not execute commands. */
  blacklisted: boolean;
  /** What its keys lack: a second factor, or a session that is still good. */
  session: "good" | "second factor missing" | "expired";
}

export const GOOD_STANDING: Readonly<Standing> = {
  emailVerified: true,
  team: null,
  hostOnly: false,
  blacklisted: false,
  session: "good",
};
