import { watchCredit } from "./credit.ts";
import type { RandomStream } from "./random.ts";
import type { Contract, Machine } from "./types.ts";
import type { World } from "./world.ts";

export const HOURS_PER_MONTH = 720;
const MAX_PORTS = 64;
const IDENTITY_PORT = 70_000;

type StateFields = Partial<Pick<Contract, "actual" | "intended" | "cur" | "next" | "statusMsg">>;

/** Changes what the row shows, records it, and brings the meters in line. */
export function setState(world: World, contract: Contract, change: StateFields, reason: string): void {
  if ("statusMsg" in change) contract.progress = null;
  Object.assign(contract, change);
  world.record("state", {
    contract: contract.id,
    reason,
    actual: contract.actual,
    intended: contract.intended,
    cur: contract.cur,
    next: contract.next,
  });
  updateMeters(world, contract);
  world.changed(contract);
}

export function holdsGpus(machine: Machine, contract: Contract): boolean {
  return machine.rentals.some((rental) => rental.contractId === contract.id);
}

export function claimOf(contract: Contract): { isBid: boolean; dphPerGpu: number } {
  return { isBid: contract.isBid, dphPerGpu: contract.dphBase / contract.gpuIndexes.length };
}

/** $/h of the contract's disk. */
export function diskRate(contract: Contract): number {
  return (contract.diskGb * contract.storageCost) / HOURS_PER_MONTH;
}

/** Compute only while the container runs and its host is connected; a reboot keeps the GPU (vast-api.md 8.1). */
export function computeRate(world: World, contract: Contract): number {
  const machine = world.machineOf(contract);
  const billed = contract.actual === "running" || contract.actual === "rebooting" || contract.actual === "frozen";
  if (!billed || contract.destroyedAt !== null || !machine.online || !holdsGpus(machine, contract)) return 0;
  return contract.dphBase * (1 - discountOf(world, contract));
}

/** A reservation's discount lasts as long as its deposit (vast-api.md 8.11). */
function discountOf(world: World, contract: Contract): number {
  const lasts = contract.prepaid !== null && world.ledger.remainingDeposit(contract.id, world.now) > 1e-9;
  return lasts ? (contract.prepaid?.discountRate ?? 0) : 0;
}

function watchDeposit(world: World, contract: Contract): void {
  const { prepaid } = contract;
  if (!prepaid) return;
  world.clock.cancel(prepaid.end);
  const rate = computeRate(world, contract);
  const left = world.ledger.remainingDeposit(contract.id, world.now);
  prepaid.end =
    rate > 0 && left > 1e-9
      ? world.clock.after((left / rate) * 3600, `reservation of ${contract.id}`, () => updateMeters(world, contract))
      : undefined;
}

/** Disk in every state, but not while the host is offline (vast-api.md 8.2). */
export function updateMeters(world: World, contract: Contract): void {
  const { now } = world;
  const subject = { accountId: contract.accountId, source: "instance", sourceId: contract.id } as const;
  const diskBilled = contract.destroyedAt === null && world.machineOf(contract).online;
  world.ledger.setRate(now, subject, "gpu", computeRate(world, contract));
  world.ledger.setRate(now, subject, "disk", diskBilled ? diskRate(contract) : 0);
  watchDeposit(world, contract);
  watchCredit(world, contract.accountId);
}

export function releaseGpus(machine: Machine, contract: Contract): boolean {
  const before = machine.rentals.length;
  machine.rentals = machine.rentals.filter((rental) => rental.contractId !== contract.id);
  return machine.rentals.length < before;
}

/** "-p 8000:8000" and "-p 8082:8081/udp": the container's port is the last one. */
export function requestedPorts(contract: Contract): { internal: number; protocol: "tcp" | "udp" }[] {
  const found = new Map<string, { internal: number; protocol: "tcp" | "udp" }>();
  const add = (internal: number, protocol: "tcp" | "udp"): void => {
    if (found.size < MAX_PORTS) found.set(`${internal}/${protocol}`, { internal, protocol });
  };
  if (contract.runtype.includes("ssh_direc")) add(22, "tcp");
  if (contract.runtype.includes("jupyter_direc")) add(8080, "tcp");
  for (const [key] of contract.env) {
    const match = /^-p\s+(?:\d+:)?(\d+)(?:\/(tcp|udp))?$/.exec(key.trim());
    if (match) add(Number(match[1]), match[2] === "udp" ? "udp" : "tcp");
  }
  return [...found.values()];
}

/** External ports are random and belong to the machine's shared address; from 70000 on the number is chosen by Vast. */
export function openPorts(machine: Machine, contract: Contract, draw: RandomStream): void {
  closePorts(machine, contract);
  for (const { internal, protocol } of requestedPorts(contract)) {
    if (machine.portsInUse.size >= machine.directPortCount) break;
    let external = draw.integer(20_000, 60_000);
    while (machine.portsInUse.has(external)) external = external === 60_000 ? 20_000 : external + 1;
    machine.portsInUse.add(external);
    contract.ports.push({ internal: internal >= IDENTITY_PORT ? external : internal, protocol, external });
  }
}

export function closePorts(machine: Machine, contract: Contract): void {
  for (const port of contract.ports) machine.portsInUse.delete(port.external);
  contract.ports = [];
}
