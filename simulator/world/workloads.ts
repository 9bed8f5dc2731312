import { basename, posix } from "node:path";
import { DiskFullError } from "./disks.ts";
import type { Scheduled } from "./event-queue.ts";
import { crash } from "./lifecycle.ts";
import { batchLine, setupLines } from "./self-play.ts";
import type { Contract } from "./types.ts";
import type { World } from "./world.ts";

export const WORKLOAD_MODELS = [
  "training",
  "self-play",
  "oom",
  "hang",
  "slow-setup",
  "no-cuda",
  "disk-full",
  "idle",
] as const;
export type WorkloadModel = (typeof WORKLOAD_MODELS)[number];

/** What instances that match do while they run. No user script is ever executed. */
export interface WorkloadRule {
  id: number;
  match: { label?: string; image?: string; env?: Record<string, string> };
  model: WorkloadModel;
  checkpointEverySeconds: number;
  checkpointBytes: number;
  dir: string;
  /** Older checkpoints than the newest `keep` are deleted, as trainers do; null keeps all. */
  keep: number | null;
}

export interface RunningWorkload {
  rule: WorkloadRule;
  timer: Scheduled | undefined;
  ticks: number;
  step: number;
}

const STEPS_PER_CHECKPOINT = 500;
const LOG_LINES_PER_CHECKPOINT = 5;
const SLOW_SETUP_S = 1200;
const CONTAINER_LOG_LINES = 5000;

export function startWorkload(world: World, contract: Contract): void {
  stopWorkload(world, contract);
  const rule = ruleFor(world, contract);
  if (!rule) return;
  const running: RunningWorkload = { rule, timer: undefined, ticks: 0, step: newestStep(world, contract, rule.dir) };
  world.workloads.set(contract.id, running);
  diesIfFull(world, contract, () => {
    if (running.step > 0) say(world, contract, `resumed from ${checkpointName(running.step)}`);
    begin(world, contract, running);
  });
}

/** A full disk ends whatever writes next, also the first line after a restart. */
function diesIfFull(world: World, contract: Contract, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof DiskFullError)) throw error;
    die(world, contract, "OSError: [Errno 28] No space left on device");
  }
}

export function stopWorkload(world: World, contract: Contract): void {
  const running = world.workloads.get(contract.id);
  if (!running) return;
  world.clock.cancel(running.timer);
  world.workloads.delete(contract.id);
}

/** Whether a rule set now concerns instances that run already: they begin with it at once. */
export function applyRule(world: World, rule: WorkloadRule): void {
  world.workloadRules.unshift(rule);
  for (const contract of world.contracts.values()) {
    if (contract.actual === "running" && matches(rule, contract)) startWorkload(world, contract);
  }
}

function ruleFor(world: World, contract: Contract): WorkloadRule | undefined {
  const declared = world.workloadRules.find((rule) => matches(rule, contract));
  if (declared) return declared;
  const env = new Map(contract.env);
  const model = WORKLOAD_MODELS.find((name) => name === env.get("VAST_SIM_WORKLOAD"));
  if (!model) return undefined;
  return {
    id: 0,
    match: {},
    model,
    checkpointEverySeconds: positive(env.get("VAST_SIM_CHECKPOINT_SECONDS")) ?? 300,
    checkpointBytes: positive(env.get("VAST_SIM_CHECKPOINT_BYTES")) ?? 262_144,
    dir: env.get("VAST_SIM_CHECKPOINT_DIR") ?? "/workspace/checkpoints",
    keep: positive(env.get("VAST_SIM_CHECKPOINT_KEEP")) ?? null,
  };
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && value > 0 && Number.isFinite(value) ? value : undefined;
}

function matches(rule: WorkloadRule, contract: Contract): boolean {
  const { label, image, env } = rule.match;
  if (label !== undefined && !(contract.label ?? "").startsWith(label)) return false;
  if (image !== undefined && !contract.image.startsWith(image)) return false;
  const own = new Map(contract.env);
  return Object.entries(env ?? {}).every(([key, value]) => own.get(key) === value);
}

function begin(world: World, contract: Contract, running: RunningWorkload): void {
  const every = running.rule.checkpointEverySeconds / LOG_LINES_PER_CHECKPOINT;
  switch (running.rule.model) {
    case "idle":
      // It may have worked until this rule came.
      if (contract.metrics) contract.metrics.gpuUtil = 0;
      return;
    case "no-cuda":
      later(world, contract, running, 5, () => die(world, contract, "RuntimeError: No CUDA GPUs are available"));
      return;
    case "slow-setup":
      say(world, contract, "Collecting torch==2.7.0");
      later(world, contract, running, SLOW_SETUP_S, () => {
        say(world, contract, "setup complete");
        later(world, contract, running, every, () => tick(world, contract, running));
      });
      return;
    case "self-play":
      for (const line of setupLines(workerName(contract), world.machineOf(contract).model.name, world.now)) {
        say(world, contract, line);
      }
      busy(world, contract);
      later(world, contract, running, every, () => tick(world, contract, running));
      return;
    default:
      busy(world, contract);
      later(world, contract, running, every, () => tick(world, contract, running));
  }
}

function later(world: World, contract: Contract, running: RunningWorkload, seconds: number, run: () => void): void {
  running.timer = world.clock.after(seconds, `workload of ${contract.id}`, () => diesIfFull(world, contract, run));
}

/** One log line; every fifth one a checkpoint. */
function tick(world: World, contract: Contract, running: RunningWorkload): void {
  const { rule } = running;
  running.ticks += 1;
  running.step += STEPS_PER_CHECKPOINT / LOG_LINES_PER_CHECKPOINT;
  busy(world, contract);
  if (rule.model === "disk-full" && running.ticks === LOG_LINES_PER_CHECKPOINT + 1) {
    world.disks.fill(contract, posix.join(posix.dirname(rule.dir), "dataset.bin"), world.now);
  }
  say(world, contract, progressLine(world, contract, running));
  if (running.ticks % LOG_LINES_PER_CHECKPOINT === 0) checkpoint(world, contract, running);
  if (rule.model === "oom" && running.ticks > LOG_LINES_PER_CHECKPOINT * 2) {
    die(world, contract, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.");
    return;
  }
  // A hung trainer keeps its memory and says nothing more.
  if (rule.model === "hang" && running.ticks > LOG_LINES_PER_CHECKPOINT * 2) {
    if (contract.metrics) contract.metrics.gpuUtil = 0;
    return;
  }
  const every = rule.checkpointEverySeconds / LOG_LINES_PER_CHECKPOINT;
  later(world, contract, running, every, () => tick(world, contract, running));
}

function progressLine(world: World, contract: Contract, running: RunningWorkload): string {
  const draw = world.random.once(`loss ${contract.id} ${running.step}`);
  if (running.rule.model === "self-play") return batchLine(workerName(contract), running.ticks, draw);
  const loss = 8 / Math.sqrt(1 + running.step / 40) + draw.between(-0.05, 0.05);
  return `step ${running.step} loss ${loss.toFixed(4)}`;
}

function workerName(contract: Contract): string {
  return contract.label ?? `C.${contract.id}`;
}

function checkpoint(world: World, contract: Contract, running: RunningWorkload): void {
  const { rule, step } = running;
  const name = checkpointName(step);
  const bytes = world.random.once(`checkpoint ${contract.id} ${step}`).bytes(rule.checkpointBytes);
  world.disks.write(contract, posix.join(rule.dir, name), bytes, world.now);
  say(world, contract, `saved ${name}`);
  world.record("checkpoint", { contract: contract.id, file: name, bytes: bytes.length });
  if (rule.keep === null) return;
  const old = checkpoints(world, contract, rule.dir).slice(0, -rule.keep);
  for (const file of old) world.disks.remove(contract, posix.join(rule.dir, file));
}

function checkpointName(step: number): string {
  return `step-${String(step).padStart(6, "0")}.pt`;
}

function checkpoints(world: World, contract: Contract, dir: string): string[] {
  return world.disks.list(contract, dir).filter((name) => /^step-\d{6,}\.pt$/.test(name));
}

function newestStep(world: World, contract: Contract, dir: string): number {
  const newest = checkpoints(world, contract, dir).at(-1);
  return newest ? Number(/\d+/.exec(basename(newest))?.[0]) : 0;
}

/** A line to the container's output and to train.log beside the checkpoints' folder. */
function say(world: World, contract: Contract, line: string): void {
  logLine(contract, line);
  const rule = world.workloads.get(contract.id)?.rule;
  const log = posix.join(posix.dirname(rule?.dir ?? "/workspace/checkpoints"), "train.log");
  world.disks.append(contract, log, `${new Date(world.now * 1000).toISOString()} ${line}\n`, world.now);
}

export function logLine(contract: Contract, line: string): void {
  contract.containerLog.push(line);
  if (contract.containerLog.length > CONTAINER_LOG_LINES) contract.containerLog.splice(0, CONTAINER_LOG_LINES / 5);
}

function die(world: World, contract: Contract, lastWords: string): void {
  // The disk may be what it dies of: then the last words reach the container's output alone.
  logLine(contract, lastWords);
  world.record("workload-died", { contract: contract.id, lastWords });
  crash(world, contract);
}

function busy(world: World, contract: Contract): void {
  const draw = world.random.once(`metrics ${contract.id} ${world.now}`);
  contract.metrics = {
    gpuUtil: Math.round(draw.between(90, 99) * 10) / 10,
    gpuTemp: Math.round(draw.between(58, 76)),
    cpuUtil: Math.round(draw.between(8, 40) * 10) / 10,
    memUsage: Math.round(draw.between(4, 12) * 10) / 10,
    vmemUsage: Math.round(draw.between(4, 20) * 10) / 10,
  };
}
