import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import PQueue from "p-queue";
import { ROOT, startS3Server } from "../../tools/s3.ts";
import { handlerRun } from "./handler-run.ts";
import { memoryS3 } from "./memory-s3.ts";
import type { RunReport } from "./run-log.ts";

export interface CampaignOptions {
  seed: number;
  /** Numbers of the runs: a run is the same alone and among others. */
  indexes: readonly number[];
  onBegin?: (index: number) => void;
  onReport?: (report: RunReport) => void;
}

/** Runs at once in one process: much of each is waiting for answers. */
const AT_ONCE = 8;
/** Where there is one, a folder in memory: most of a run's files live for a second. */
const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Everything in this process: for tests, and for a run alone. */
export function runHere(options: CampaignOptions): Promise<RunReport[]> {
  return withRealS3((realS3) => runOn({ ...options, realS3 }));
}

/** @param work gets the address of a real S3 server, shared by all processes */
export async function withRealS3<T>(work: (url: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "fault-campaign-"));
  const real = await startS3Server({ dir });
  try {
    return await work(real.url);
  } finally {
    await real.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function runOn({
  seed,
  indexes,
  realS3,
  onBegin,
  onReport,
}: CampaignOptions & { realS3: string }): Promise<RunReport[]> {
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
    return await queue.addAll(
      indexes.map((index) => async () => {
        onBegin?.(index);
        const report = await handlerRun({ seed, index, memoryS3: memory.url, realS3 });
        onReport?.(report);
        return report;
      }),
    );
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
