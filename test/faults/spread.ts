import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type CampaignOptions, withRealS3 } from "./campaign.ts";
import { emptyReport, type RunReport } from "./run-log.ts";

export interface ShardOrder {
  seed: number;
  indexes: readonly number[];
  realS3: string;
}

/** What a process of the campaign says: which run it begins, and how one ended. */
export type ShardMessage = { begun: number } | { report: RunReport };

const SHARD = fileURLToPath(new URL("./shard.ts", import.meta.url));
/** Every run ends itself long before: a process that says nothing for so long cannot go on, wall milliseconds. */
const SILENT_MS = 300_000;

/** The runs spread over so many processes. */
export function runSpread(options: CampaignOptions, processes: number): Promise<RunReport[]> {
  return withRealS3(async (realS3) => {
    const shards = Array.from({ length: Math.min(processes, options.indexes.length) }, (_, shard) => {
      const indexes = options.indexes.filter((_index, at) => at % processes === shard);
      return allOf({ seed: options.seed, indexes, realS3 }, options.onReport);
    });
    return (await Promise.all(shards)).flat();
  });
}

/** A process that ends, or hangs, takes the runs it was at with it; another one goes on with the rest. */
async function allOf(order: ShardOrder, onReport: CampaignOptions["onReport"]): Promise<RunReport[]> {
  const reports: RunReport[] = [];
  const left = new Set(order.indexes);
  const take = (report: RunReport): void => {
    left.delete(report.index);
    reports.push(report);
    onReport?.(report);
  };
  while (left.size > 0) {
    const { end, unfinished } = await oneProcess({ ...order, indexes: [...left] }, take);
    if (left.size === 0) break;
    if (unfinished.length === 0) throw new Error(`a process of the campaign ${end} before its first run`);
    for (const index of unfinished) {
      const violation = `its process ${end} in the middle of it and of the others of ${unfinished.join(", ")}`;
      take({ ...emptyReport(index), violations: [violation] });
    }
  }
  return reports;
}

async function oneProcess(
  order: ShardOrder,
  take: (report: RunReport) => void,
): Promise<{ end: string; unfinished: number[] }> {
  const child = fork(SHARD);
  const unfinished = new Set<number>();
  let silent = false;
  const watch = setTimeout(() => {
    silent = true;
    child.kill("SIGKILL");
  }, SILENT_MS);
  child.on("message", (message: ShardMessage) => {
    watch.refresh();
    if ("begun" in message) return void unfinished.add(message.begun);
    unfinished.delete(message.report.index);
    take(message.report);
  });
  child.send(order);
  const [code, signal] = await once(child, "exit");
  clearTimeout(watch);
  return {
    end: silent ? `said nothing for ${SILENT_MS / 1000} s` : `ended with ${code ?? signal}`,
    unfinished: [...unfinished],
  };
}
