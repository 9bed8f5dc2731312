import { boot } from "./boot.ts";
import { closePorts, setState, updateMeters } from "./contract-state.ts";
import { finishStop, serveQueue } from "./lifecycle.ts";
import type { Contract, Machine } from "./types.ts";
import { updateVolumeMeter } from "./volumes.ts";
import type { World } from "./world.ts";

/** Seconds without a heartbeat until the row says so (vast-api.md 3.6, host silent: unknown, then offline). */
const UNKNOWN_AFTER_S = 60;
const OFFLINE_AFTER_S = 240;

/** The host falls silent: nothing is billed from this moment, the row follows later. */
export function takeHostOffline(world: World, machine: Machine): void {
  if (!machine.online) return;
  machine.online = false;
  world.record("host-offline", { machineId: machine.id });
  for (const contract of world.onMachine(machine.id)) {
    world.clock.cancel(contract.pending);
    contract.pending = undefined;
    updateMeters(world, contract);
    world.changed(contract);
  }
  updateVolumes(world, machine);
  const report = (status: "unknown" | "offline") => () => {
    if (machine.online) return;
    for (const contract of world.onMachine(machine.id)) {
      if (contract.actual !== null) setState(world, contract, { actual: status }, "host silent");
    }
  };
  world.clock.after(UNKNOWN_AFTER_S, `machine ${machine.id} unknown`, report("unknown"));
  world.clock.after(OFFLINE_AFTER_S, `machine ${machine.id} offline`, report("offline"));
}

export function bringHostOnline(world: World, machine: Machine): void {
  if (machine.online) return;
  machine.online = true;
  world.record("host-online", { machineId: machine.id });
  for (const contract of world.onMachine(machine.id)) takeUpAgain(world, machine, contract);
  updateVolumes(world, machine);
  serveQueue(world, machine);
}

function takeUpAgain(world: World, machine: Machine, contract: Contract): void {
  closePorts(machine, contract);
  contract.runningSince = null;
  if (contract.next === "stopped" || contract.intended === "stopped") {
    finishStop(world, contract, contract.cur === "running" ? "stopped when the host came back" : "host is back");
    return;
  }
  const actual = contract.actual === null ? null : "exited";
  setState(world, contract, { actual }, "host is back");
  if (contract.cur === "running") boot(world, contract, contract.everRan ? "stopped" : "accepted");
}

function updateVolumes(world: World, machine: Machine): void {
  for (const volume of world.volumes.values()) {
    if (volume.machineId === machine.id && volume.deletedAt === null) updateVolumeMeter(world, volume);
  }
}
