import { openPorts, setState } from "./contract-state.ts";
import { takeHostOffline } from "./hosts.ts";
import { imageCuda, pullOutcome } from "./images.ts";
import { giveUp } from "./lifecycle.ts";
import type { Contract } from "./types.ts";
import { startWorkload } from "./workloads.ts";
import type { World } from "./world.ts";

/** Seconds a bad image is tried before the host gives up (vast-api.md 3.6: about 7 minutes). */
const BAD_IMAGE_PATIENCE_S = 420;
const FAILED_BOOT_PATIENCE_S = 30;

const RUNTIME_ERROR =
  "Error response from daemon: failed to create task for container: failed to create shim task: " +
  "OCI runtime create failed: ";
const CDI_ERROR =
  `${RUNTIME_ERROR}could not apply required modification to OCI specification: error modifying OCI spec: ` +
  "failed to inject CDI devices: unresolvable CDI devices";

/** Seconds until the host takes a contract up. */
const TAKES_UP_S = { accepted: [2, 8], stopped: [3, 25], recreated: [0.5, 2] } as const;

/** Way to running: first the host hears of it (or, after a stop, takes it up again), then it pulls and starts. */
export function boot(world: World, contract: Contract, from: "accepted" | "stopped" | "recreated"): void {
  const draw = world.random.once(`boot ${contract.id} at ${world.now}`);
  const [low, high] = TAKES_UP_S[from];
  later(world, contract, draw.between(low, high), "host takes it up", () => pull(world, contract));
}

function later(world: World, contract: Contract, seconds: number, name: string, run: () => void): void {
  world.clock.cancel(contract.pending);
  const event = world.clock.after(seconds / world.bootFactor, `${contract.id}: ${name}`, () => {
    contract.pending = undefined;
    run();
  });
  contract.pending = event;
}

function faultTarget(contract: Contract) {
  return { instanceId: contract.id, label: contract.label, account: contract.accountId };
}

function pull(world: World, contract: Contract): void {
  const machine = world.machineOf(contract);
  const draw = world.random.once(`pull ${contract.id} at ${world.now}`);
  setState(world, contract, { actual: "loading", statusMsg: null }, "loading");
  const outcome = pullOutcome(contract.image, contract.imageLogin !== null);
  if (outcome.kind === "error") {
    later(world, contract, draw.between(3, 10), "pull refused", () => badImage(world, contract, outcome.message));
    return;
  }
  const cached = machine.images.has(contract.image);
  const seconds = cached
    ? draw.between(1, 4)
    : 3 + (outcome.megabytes * 8) / (machine.inetDownMbps * 0.7) + outcome.megabytes / 180;
  contract.daemonLog.push(`pulling ${contract.image}`);
  if (world.faults.strike(["boot"], ["pull-stuck"], faultTarget(contract))) {
    contract.progress = () => pullLine(contract.image, outcome.megabytes, 0.37);
    world.record("pull-stuck", { contract: contract.id });
    return;
  }
  const startedAt = world.now;
  const total = seconds / world.bootFactor;
  contract.progress = cached
    ? null
    : (now) => pullLine(contract.image, outcome.megabytes, Math.min(1, (now - startedAt) / total));
  later(world, contract, seconds, "pulled", () => {
    machine.images.add(contract.image);
    setState(world, contract, { actual: "created", statusMsg: null }, "created");
    later(world, contract, draw.between(0.5, 2), "container starts", () => startContainer(world, contract));
  });
}

/** The live wording of pull lines is unverified (vast-api.md 3.6); this is Docker's own. */
function pullLine(image: string, megabytes: number, done: number): string {
  const layer = `${image.length.toString(16)}${megabytes.toString(16)}`.padEnd(12, "a").slice(0, 12);
  if (done >= 1) return `${layer}: Pull complete`;
  return `${layer}: Downloading [${(done * megabytes).toFixed(1)}MB/${megabytes.toFixed(1)}MB]`;
}

function badImage(world: World, contract: Contract, message: string): void {
  setState(world, contract, { statusMsg: message }, "image cannot be pulled");
  contract.daemonLog.push(message);
  later(world, contract, BAD_IMAGE_PATIENCE_S, "gives up", () => giveUp(world, contract, "image cannot be pulled"));
}

function startContainer(world: World, contract: Contract): void {
  const failure = bootFailure(world, contract);
  if (failure) {
    setState(world, contract, { statusMsg: failure }, "container cannot be made");
    contract.daemonLog.push(failure);
    later(world, contract, FAILED_BOOT_PATIENCE_S, "gives up", () =>
      giveUp(world, contract, "container cannot be made"),
    );
    return;
  }
  enterRunning(world, contract);
}

function bootFailure(world: World, contract: Contract): string | null {
  const needed = imageCuda(contract.image);
  const { cudaMaxGood } = world.machineOf(contract);
  const forced = world.faults.strike(["boot"], ["cuda-mismatch"], faultTarget(contract));
  if (forced || (needed !== null && needed > cudaMaxGood)) {
    return (
      `${RUNTIME_ERROR}nvidia-container-cli: requirement error: unsatisfied condition: cuda>=${needed ?? "13.1"}, ` +
      "please update your driver to a newer version, or use an earlier cuda container: unknown"
    );
  }
  return world.faults.strike(["boot"], ["boot-fail"], faultTarget(contract)) ? CDI_ERROR : null;
}

export function enterRunning(world: World, contract: Contract): void {
  const machine = world.machineOf(contract);
  const draw = world.random.once(`run ${contract.id} at ${world.now}`);
  openPorts(machine, contract, draw);
  contract.runningSince = world.now;
  contract.everRan = true;
  contract.metrics = {
    gpuUtil: 0,
    gpuTemp: Math.round(draw.between(32, 48)),
    cpuUtil: Math.round(draw.between(1, 8) * 10) / 10,
    memUsage: Math.round(draw.between(0.4, 3) * 10) / 10,
    vmemUsage: Math.round(draw.between(0.4, 3) * 10) / 10,
  };
  const way = contract.runtype.includes("jupyter") ? "jupyter" : contract.runtype.includes("ssh") ? "ssh" : "args";
  const statusMsg = `success, running ${contract.image.replace(":", "_")}/${way}`;
  setState(world, contract, { actual: "running", cur: "running", next: "running", statusMsg }, "running");
  contract.containerLog.push(`container C.${contract.id} started`);
  if (contract.onstart) contract.containerLog.push("running onstart");
  startWorkload(world, contract);
  const losing = world.faults.strike(["boot"], ["host-offline"], faultTarget(contract));
  if (losing) {
    world.clock.after(losing.seconds ?? 0, `machine ${machine.id} goes offline`, () => takeHostOffline(world, machine));
  }
}
