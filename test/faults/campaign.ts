import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import PQueue from "p-queue";
import { ROOT, startS3Server } from "../../tools/s3.ts";
import { handlerRun } from "./handler-run.ts";
import { memoryS3 } from "./memory-s3.ts";
import type { RunReport } from "./run-log.ts";

export interface CampaignOptions {
  seed: number;
  /** Numbers of the runs: a run is the same alone and among others. */
  indexes: readonly number[];
  onReport?: (report: RunReport) => void;
}

export interface CampaignReport {
  runs: number;
  /** How often each kind of fault, event or crash was set. */
  kinds: Record<string, number>;
  violations: { index: number; violations: string[]; steps: string[]; messages: string[] }[];
  /** What the one up after the faults had to leave undone, by reason (blocks.ts), in how many runs. */
  unrepaired: Record<string, number>;
}

/** Runs at once in one process: much of each is waiting for answers. */
const AT_ONCE = 8;
/** Where there is one, a folder in memory: most of a run's files live for a second. */
const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const SHARD = fileURLToPath(new URL("./shard.ts", import.meta.url));

/** Everything in this process: for tests, and for a run alone. */
export async function runHere(options: CampaignOptions): Promise<CampaignReport> {
  const dir = mkdtempSync(join(tmpdir(), "fault-campaign-"));
  const real = await startS3Server({ dir });
  try {
    return await runOn({ ...options, realS3: real.url });
  } finally {
    await real.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The runs spread over as many processes as there are cores. */
export async function runSpread(options: CampaignOptions): Promise<CampaignReport> {
  const dir = mkdtempSync(join(tmpdir(), "fault-campaign-"));
  const real = await startS3Server({ dir });
  const shards = Math.min(availableParallelism(), options.indexes.length);
  try {
    const reports = Array.from({ length: shards }, (_, shard) => {
      const indexes = options.indexes.filter((_index, at) => at % shards === shard);
      return inShard({ ...options, indexes, realS3: real.url });
    });
    return (await Promise.all(reports)).reduce(sum);
  } finally {
    await real.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

export interface ShardOrder {
  seed: number;
  indexes: readonly number[];
  realS3: string;
}

async function inShard({ onReport, ...order }: CampaignOptions & ShardOrder): Promise<CampaignReport> {
  const child: ChildProcess = fork(SHARD);
  const reports: RunReport[] = [];
  child.on("message", (report: RunReport) => {
    reports.push(report);
    onReport?.(report);
  });
  child.send(order);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`a process of the campaign ended with ${code}`);
  return summary(reports);
}

/** @param order.realS3 the real server, shared by all processes */
export async function runOn({
  seed,
  indexes,
  realS3,
  onReport,
}: CampaignOptions & ShardOrder): Promise<CampaignReport> {
  const cache = mkdtempSync(join(SCRATCH, "fault-campaign-cache-"));
  const restore = environment({
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    XDG_CACHE_HOME: cache,
    TMPDIR: cache,
  });
  try {
    await using memory = await memoryS3();
    const queue = new PQueue({ concurrency: AT_ONCE });
    const reports = await queue.addAll(
      indexes.map((index) => async () => {
        const report = await handlerRun({ seed, index, memoryS3: memory.url, realS3 });
        onReport?.(report);
        return report;
      }),
    );
    return summary(reports);
  } finally {
    restore();
    rmSync(cache, { recursive: true, force: true });
  }
}

function environment(variables: Record<string, string>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

export function summary(reports: readonly RunReport[]): CampaignReport {
  return reports.map(one).reduce(sum, { runs: 0, kinds: {}, violations: [], unrepaired: {} });
}

function one({ index, kinds, violations, steps, messages, unrepaired }: RunReport): CampaignReport {
  return {
    runs: 1,
    kinds,
    violations: violations.length === 0 ? [] : [{ index, violations, steps, messages }],
    unrepaired: Object.fromEntries(unrepaired.map((reason) => [reason, 1])),
  };
}

function sum(a: CampaignReport, b: CampaignReport): CampaignReport {
  return {
    runs: a.runs + b.runs,
    kinds: added(a.kinds, b.kinds),
    violations: [...a.violations, ...b.violations],
    unrepaired: added(a.unrepaired, b.unrepaired),
  };
}

function added(a: Record<string, number>, b: Record<string, number>): Record<string, number> {
  const sums = { ...a };
  for (const [name, count] of Object.entries(b)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
