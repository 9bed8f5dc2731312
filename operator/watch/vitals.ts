import type { Context } from "pulumi-vast/internal/context";
import { openBucket } from "pulumi-vast/internal/copy-out/bucket";
import { keyPrefix } from "pulumi-vast/internal/copy-out/compare";
import { openShell, type Shell } from "pulumi-vast/internal/copy-out/ssh";
import type { Worker } from "../fleet/read.ts";

/** Figures of one worker; null is what nobody reported, which is not zero. */
export interface Vitals {
  /** Percent. */
  gpuUsed: number | null;
  memoryUsed: number | null;
  diskUsed: number | null;
  gpus: number | null;
  /** Processes that are not the container's own. */
  processes: number | null;
  /** Seconds since the newest checkpoint that is in S3 was written. */
  checkpointAge: number | null;
  /** Why SSH told nothing. */
  sshError: string | null;
}

const COMMAND_WITHIN_S = 20;
const NEWEST = 20;

export async function vitalsOf(
  context: Context,
  worker: Worker,
  nowS: number,
  pattern: RegExp | undefined,
): Promise<Vitals> {
  const [remote, checkpointAge] = await Promise.all([
    overSsh(context, worker, pattern).catch(
      (error: Error): Partial<Vitals> => ({ sshError: error.message.split("\n")[0] ?? "" }),
    ),
    newestCheckpoint(worker, nowS).catch(() => null),
  ]);
  const gpuUsed = remote.gpuUsed === undefined ? reported(worker) : remote.gpuUsed;
  return { ...NOTHING, ...remote, gpuUsed, checkpointAge };
}

const NOTHING: Vitals = {
  gpuUsed: null,
  memoryUsed: null,
  diskUsed: null,
  gpus: null,
  processes: null,
  checkpointAge: null,
  sshError: null,
};

/** A zero from a host that reports nothing else either is missing, not idle. */
function reported({ row }: Worker): number | null {
  if (row === undefined || typeof row.gpu_util !== "number") return null;
  return row.gpu_util === 0 && !row.gpu_temp && !row.mem_usage ? null : row.gpu_util;
}

async function overSsh(context: Context, worker: Worker, pattern: RegExp | undefined): Promise<Partial<Vitals>> {
  if (worker.row === undefined) throw new Error("it has no contract");
  const shell = await openShell(context, worker.row, worker.name);
  try {
    const gpus = await output(shell, "nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits");
    return {
      ...gpuFigures(gpus),
      memoryUsed: memoryUsed(await output(shell, "free")),
      diskUsed: diskUsed(await output(shell, "df /")),
      processes: processesIn(await output(shell, "ps aux"), pattern),
    };
  } finally {
    shell.close();
  }
}

async function output(shell: Shell, command: string): Promise<string | undefined> {
  const { exitCode, stdout } = await shell.run(command, COMMAND_WITHIN_S);
  return exitCode === 0 ? stdout : undefined;
}

/** A driver that answers with an error has no GPU to offer. */
export function gpuFigures(text: string | undefined): Pick<Vitals, "gpus" | "gpuUsed"> {
  if (text === undefined) return { gpus: 0, gpuUsed: null };
  const used = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(Number);
  const sum = used.reduce((total, percent) => total + percent, 0);
  return { gpus: used.length, gpuUsed: used.length === 0 || Number.isNaN(sum) ? null : sum / used.length };
}

export function memoryUsed(text: string | undefined): number | null {
  const [, total, used] = /^Mem:\s+(\d+)\s+(\d+)/m.exec(text ?? "") ?? [];
  return total === undefined || Number(total) === 0 ? null : (Number(used) / Number(total)) * 100;
}

export function diskUsed(text: string | undefined): number | null {
  const percent = /(\d+)%/.exec(text ?? "")?.[1];
  return percent === undefined ? null : Number(percent);
}

/** What every container runs anyway. */
const OWN = /docker-init|sshd|\bps aux|\btmux\b|\bbash\b|\bsh -c\b|launch|onstart/;

export function processesIn(text: string | undefined, pattern: RegExp | undefined): number | null {
  if (text === undefined) return null;
  const commands = text.trim().split("\n").slice(1);
  return commands.filter((line) => (pattern === undefined ? !OWN.test(line) : pattern.test(line))).length;
}

async function newestCheckpoint({ state, contract }: Worker, nowS: number): Promise<number | null> {
  const target = state.copyOut?.target;
  if (target === undefined) return null;
  const bucket = openBucket(target);
  const objects = await bucket.list(`${keyPrefix(target.prefix, contract)}/`);
  const keys = objects.map(({ key }) => key).filter((key) => !key.includes("/.pulumi-vast/"));
  // Trainers number their files: the last by name are the newest, and reading times costs a request each.
  const newest = keys.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).slice(-NEWEST);
  const times = [...(await bucket.mtimes(newest)).values()].filter((mtime) => mtime !== undefined);
  return times.length === 0 ? null : Math.max(0, nowS - Math.max(...times));
}
