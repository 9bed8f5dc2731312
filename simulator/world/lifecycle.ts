import { removeKey } from "./accounts.ts";
import { boot, enterRunning } from "./boot.ts";
import { claimOf, closePorts, holdsGpus, releaseGpus, setState, updateMeters } from "./contract-state.ts";
import { cancelCopies } from "./copier.ts";
import { losers, mayHost } from "./placement.ts";
import { refundDeposit } from "./reserved.ts";
import type { ActualStatus, Contract, Machine, Rental } from "./types.ts";
import { releaseVolumes } from "./volumes.ts";
import { stopWorkload } from "./workloads.ts";
import type { World } from "./world.ts";

/** A contract past its end keeps its data this long (vast-api.md 8.9). */
const KEPT_AFTER_END_S = 48 * 3600;

function clearPending(world: World, contract: Contract): void {
  world.clock.cancel(contract.pending);
  contract.pending = undefined;
}

/** Takes the GPUs; whoever holds a weaker claim on them loses theirs. */
export function occupy(world: World, machine: Machine, contract: Contract): void {
  for (const loser of losers(machine, contract.gpuIndexes)) evict(world, machine, loser);
  const rental: Rental = {
    id: world.nextNumber("rental"),
    contractId: contract.id,
    gpuIndexes: contract.gpuIndexes,
    ...claimOf(contract),
  };
  machine.rentals.push(rental);
}

export function evict(world: World, machine: Machine, rental: Rental): void {
  if (rental.contractId === null) {
    machine.rentals = machine.rentals.filter((other) => other !== rental);
    world.clock.cancel(rental.leaving);
    return;
  }
  const contract = world.contracts.get(rental.contractId);
  if (contract) preempt(world, contract);
}

/** A new contract that has its GPUs goes its way; without room it stays stopped. */
export function begin(world: World, contract: Contract, hasRoom: boolean): void {
  world.addContract(contract);
  world.disks.createContract(contract);
  rearmExpiry(world, contract);
  if (hasRoom) {
    occupy(world, world.machineOf(contract), contract);
    setState(world, contract, {}, "accepted");
    boot(world, contract, "accepted");
  } else {
    setState(
      world,
      contract,
      { cur: "stopped", next: contract.intended === "running" ? "running" : "stopped" },
      "created stopped",
    );
  }
}

export function rearmExpiry(world: World, contract: Contract): void {
  world.clock.cancel(contract.expiry);
  contract.expiry = world.clock.at(contract.endDate, `end of ${contract.id}`, () => expire(world, contract));
}

export function stop(world: World, contract: Contract): void {
  contract.queued = false;
  contract.outbid = false;
  if (contract.cur !== "running") {
    setState(world, contract, { intended: "stopped", next: "stopped" }, "stop asked");
    return;
  }
  clearPending(world, contract);
  setState(world, contract, { intended: "stopped", next: "stopped" }, "stop asked");
  const draw = world.random.once(`stop ${contract.id} at ${world.now}`);
  // An offline host hears of it when it is back.
  if (!world.machineOf(contract).online) return;
  contract.pending = world.clock.after(draw.between(2, 8), `${contract.id}: stops`, () => {
    finishStop(world, contract, "stopped");
  });
}

/** The container is down and the GPU free. Data stays. */
export function finishStop(
  world: World,
  contract: Contract,
  reason: string,
  intended: "stopped" | "running" = "stopped",
): void {
  const machine = world.machineOf(contract);
  clearPending(world, contract);
  stopWorkload(world, contract);
  closePorts(machine, contract);
  contract.runningSince = null;
  const released = releaseGpus(machine, contract);
  const actual: ActualStatus | null = contract.actual === null ? null : world.choices.stoppedActualStatus;
  setState(world, contract, { actual, cur: "stopped", next: "stopped", intended }, reason);
  if (released) serveQueue(world, machine);
}

/** The host stops trying: what it last said stays in the row (vast-api.md 3.6, failed boot and bad image). */
export function giveUp(world: World, contract: Contract, reason: string): void {
  const machine = world.machineOf(contract);
  clearPending(world, contract);
  closePorts(machine, contract);
  const released = releaseGpus(machine, contract);
  setState(world, contract, { intended: "stopped", cur: "stopped", next: "stopped" }, reason);
  if (released) serveQueue(world, machine);
}

export type StartOutcome = "started" | "running already" | "no room" | "expired" | "no credit";

export function start(world: World, contract: Contract): StartOutcome {
  if (world.now >= contract.endDate) return "expired";
  if (world.ledger.credit(contract.accountId, world.now) <= 0) return "no credit";
  if (contract.cur === "running") {
    if (contract.next === "stopped") {
      // A stop that is under way is taken back: the container never went down.
      clearPending(world, contract);
      setState(world, contract, { intended: "running", next: "running" }, "stop taken back");
      if (contract.actual !== "running") boot(world, contract, "stopped");
    } else if (contract.actual === "exited" && !contract.pending) {
      boot(world, contract, "stopped");
    }
    return "running already";
  }
  contract.outbid = false;
  if (tryStart(world, contract)) return "started";
  if (world.choices.refusedStart === "queued") {
    contract.queued = true;
    setState(world, contract, { intended: "running", next: "running" }, "start queued");
  }
  return "no room";
}

function tryStart(world: World, contract: Contract): boolean {
  const machine = world.machineOf(contract);
  if (!mayHost(machine, contract.gpuIndexes, claimOf(contract))) return false;
  contract.queued = false;
  contract.outbid = false;
  occupy(world, machine, contract);
  setState(world, contract, { intended: "running", cur: "running", next: "running" }, "start");
  boot(world, contract, contract.actual === null ? "accepted" : "stopped");
  return true;
}

/** GPUs came free: those who wait for them start by themselves, on demand first, then the highest bid. */
export function serveQueue(world: World, machine: Machine): void {
  if (!machine.online) return;
  const waiting = world
    .onMachine(machine.id)
    .filter((contract) => (contract.queued || contract.outbid) && contract.destroyedAt === null)
    .filter((contract) => world.now < contract.endDate && world.ledger.credit(contract.accountId, world.now) > 0)
    .sort((a, b) => Number(a.isBid) - Number(b.isBid) || claimOf(b).dphPerGpu - claimOf(a).dphPerGpu || a.id - b.id);
  for (const contract of waiting) tryStart(world, contract);
}

/** Outbid, or displaced by an on-demand renter: stopped without notice (vast-api.md 3.6, spot outbid). */
export function preempt(world: World, contract: Contract): void {
  world.record("preempted", { contract: contract.id });
  finishStop(world, contract, "outbid", world.choices.preemptedIntendedStatus);
  contract.outbid = true;
}

export function stopForCredit(world: World, contract: Contract): void {
  contract.queued = false;
  finishStop(world, contract, "credit exhausted");
}

/** The container's main process ends: the contract keeps its GPU and its will to run, unless a stop is on its way. */
export function crash(world: World, contract: Contract): void {
  if (contract.actual !== "running") return;
  if (contract.next === "stopped") {
    finishStop(world, contract, "stopped");
    return;
  }
  clearPending(world, contract);
  stopWorkload(world, contract);
  closePorts(world.machineOf(contract), contract);
  contract.runningSince = null;
  setState(world, contract, { actual: "exited" }, "process ended");
}

/** Stop and start of the container without giving up the GPU. */
export function reboot(world: World, contract: Contract): boolean {
  if (contract.cur !== "running" || contract.next !== "running") return false;
  if (!world.machineOf(contract).online) return false;
  clearPending(world, contract);
  stopWorkload(world, contract);
  closePorts(world.machineOf(contract), contract);
  setState(world, contract, { actual: "rebooting" }, "reboot");
  const seconds = world.random.once(`reboot ${contract.id} at ${world.now}`).between(4, 15);
  contract.pending = world.clock.after(seconds, `${contract.id}: back from reboot`, () =>
    enterRunning(world, contract),
  );
  return true;
}

/** The container is made anew in place; the GPU is kept, what was outside volumes is lost. */
export function recreate(world: World, contract: Contract, status: "recycling" | "loading"): void {
  const machine = world.machineOf(contract);
  // A stop that was asked for before still comes.
  if (contract.next === "running") clearPending(world, contract);
  stopWorkload(world, contract);
  closePorts(machine, contract);
  contract.runningSince = null;
  world.disks.wipeContract(contract);
  world.record("container-recreated", { contract: contract.id });
  if (!holdsGpus(machine, contract) || contract.next !== "running") return;
  setState(world, contract, { actual: status, statusMsg: null }, status);
  boot(world, contract, "recreated");
}

function expire(world: World, contract: Contract): void {
  if (contract.destroyedAt !== null) return;
  contract.queued = false;
  contract.outbid = false;
  world.record("expired", { contract: contract.id });
  if (contract.cur === "running") finishStop(world, contract, "contract ended");
  else setState(world, contract, { intended: "stopped", next: "stopped" }, "contract ended");
  contract.expiry = world.clock.after(KEPT_AFTER_END_S, `data of ${contract.id}`, () => destroy(world, contract));
}

/** Billing and data end now; the row may be listed for some seconds more (vast-api.md 3.5). */
export function destroy(world: World, contract: Contract): void {
  if (contract.destroyedAt !== null) return;
  const machine = world.machineOf(contract);
  clearPending(world, contract);
  world.clock.cancel(contract.expiry);
  stopWorkload(world, contract);
  cancelCopies(world, `C.${contract.id}`, "instance destroyed");
  closePorts(machine, contract);
  const released = releaseGpus(machine, contract);
  contract.queued = false;
  contract.outbid = false;
  contract.destroyedAt = world.now;
  const listedS = world.random.once(`destroy ${contract.id}`).between(0.5, 4);
  contract.listedUntil = world.now + listedS;
  setState(world, contract, { cur: "unloaded", next: "unloaded", intended: "stopped" }, "destroyed");
  updateMeters(world, contract);
  refundDeposit(world, contract);
  for (const increase of world.priceIncreases.values()) {
    if (increase.contractId === contract.id) world.priceIncreases.delete(increase.id);
  }
  world.leaveMachine(contract);
  world.clock.after(listedS, `${contract.id} leaves the list`, () => world.leaveList(contract));
  releaseVolumes(world, contract);
  world.disks.destroyContract(contract.id);
  contract.containerLog = [];
  contract.daemonLog = [];
  const key = world.keys.get(contract.apiKey);
  if (key) removeKey(world, key.account, key.key);
  if (released) serveQueue(world, machine);
}
