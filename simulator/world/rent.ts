import { begin } from "./lifecycle.ts";
import { freeDiskGb } from "./offer-columns.ts";
import { mayHost, minBid } from "./placement.ts";
import type { Account, Contract, Machine, Mount, Offer } from "./types.ts";
import type { World } from "./world.ts";

export interface RentRequest {
  image: string;
  imageLogin: string | null;
  imageArgs: string[];
  runtype: string;
  env: [string, string][];
  onstart: string | null;
  label: string | null;
  diskGb: number;
  /** $/h for the whole slice; null rents on demand. */
  bid: number | null;
  stopped: boolean;
  isVm: boolean;
  cancelUnavailable: boolean;
  template: { id: number; hashId: string; name: string } | null;
}

export type RentOutcome =
  | { kind: "rented"; contract: Contract }
  /** The contract exists, stopped, and bills its disk (vast-api.md 3.1). */
  | { kind: "stopped"; contract: Contract; because: "bid too low" | "no room" }
  | { kind: "gone" }
  | { kind: "no longer available" };

/** Accepts an offer. Volumes that `mounts` gives have been checked to be free and on this machine. */
export function rent(
  world: World,
  account: Account,
  offer: Offer,
  request: RentRequest,
  mounts: (machine: Machine) => Mount[],
): RentOutcome {
  const machine = world.machineOf(offer);
  const hostRefuses = strikeFaults(world, account, offer, request);
  const held = minBid(machine, offer.gpuIndexes) === null;
  if (offer.removed || held || !machine.online || machine.endDate <= world.now) {
    return { kind: request.cancelUnavailable ? "no longer available" : "gone" };
  }
  const claim = { isBid: request.bid !== null, dphPerGpu: dphOf(machine, offer, request) / offer.gpuIndexes.length };
  const wins = mayHost(machine, offer.gpuIndexes, claim);
  const roomy = wins && !hostRefuses;
  if (!roomy && request.cancelUnavailable) return { kind: "no longer available" };

  const contract = makeContract(world, account, offer, machine, request);
  contract.mounts = mounts(machine);
  account.hasRented = true;
  for (const mount of contract.mounts) world.volumes.get(mount.volumeId)?.instances.push(contract.id);
  // 3.6: a rejected bid is intended to be stopped, and runs once it is high enough; an on-demand instance without room
  // is taken to stay queued.
  if (request.stopped || (!roomy && contract.isBid)) contract.intended = "stopped";
  contract.queued = !roomy && !contract.isBid && !request.stopped;
  contract.outbid = !roomy && contract.isBid && !request.stopped;
  begin(world, contract, roomy && !request.stopped);
  if (request.stopped || roomy) return { kind: "rented", contract };
  return { kind: "stopped", contract, because: wins ? "no room" : "bid too low" };
}

/** Answers whether the host cannot start it now. */
function strikeFaults(world: World, account: Account, offer: Offer, request: RentRequest): boolean {
  const target = { account: account.id, label: request.label };
  const strike = (kind: "offer-gone" | "price-rise" | "no-room") =>
    world.faults.strike(["PUT /api/v0/asks/{id}/"], [kind], target);
  if (strike("offer-gone")) offer.removed = true;
  const rise = strike("price-rise");
  if (rise) offer.priceFactor *= typeof rise.body === "number" ? rise.body : 1.5;
  return !request.stopped && strike("no-room") !== undefined;
}

function dphOf(machine: Machine, offer: Offer, request: RentRequest): number {
  return request.bid ?? machine.dphPerGpu * offer.gpuIndexes.length * offer.priceFactor;
}

/** Whether the machine has that much disk to give; the error's shape is unverified (vast-api.md 9.11). */
export function hasDisk(world: World, offer: Offer, diskGb: number): boolean {
  return freeDiskGb(world.machineOf(offer)) >= diskGb;
}

function makeContract(world: World, account: Account, offer: Offer, machine: Machine, request: RentRequest): Contract {
  const id = world.nextId("contract");
  const draw = world.random.once(`contract ${id}`);
  return {
    id,
    accountId: account.id,
    apiKey: draw.hex(64),
    machineId: machine.id,
    offerId: offer.id,
    bundleId: offer.bundleId,
    gpuIndexes: offer.gpuIndexes,
    isBid: request.bid !== null,
    dphBase: dphOf(machine, offer, request),
    storageCost: machine.storageCost,
    inetUpCostPerGb: machine.inetUpCostPerGb,
    inetDownCostPerGb: machine.inetDownCostPerGb,
    diskGb: request.diskGb,
    label: request.label,
    image: request.image,
    imageLogin: request.imageLogin,
    imageArgs: request.imageArgs,
    runtype: request.runtype,
    env: request.env,
    onstart: request.onstart,
    templateId: request.template?.id ?? null,
    templateHashId: request.template?.hashId ?? null,
    templateName: request.template?.name ?? null,
    isVm: request.isVm,
    jupyterToken: draw.hex(64),
    sshIdx: 1 + (id % 9),
    sshPort: 10_000 + (id % 22_000) * 2,
    machineDirSshPort: 5000 + (machine.id % 1000),
    localIps: `10.${draw.integer(0, 250)}.${draw.integer(0, 250)}.${draw.integer(2, 250)} 172.17.0.1 \n`,
    mounts: [],
    sshKeys: account.sshKeys.map((key) => ({ id: key.id, name: `key ${key.id}`, publicKey: key.publicKey })),
    startDate: world.now,
    endDate: machine.endDate,
    actual: null,
    intended: "running",
    cur: "running",
    next: "running",
    statusMsg: null,
    progress: null,
    ports: [],
    runningSince: null,
    everRan: false,
    queued: false,
    outbid: false,
    metrics: null,
    gpuFault: null,
    uploadedBytes: 0,
    downloadedBytes: 0,
    destroyedAt: null,
    listedUntil: null,
    pending: undefined,
    expiry: undefined,
    containerLog: [],
    daemonLog: [],
    prepaid: null,
  };
}
