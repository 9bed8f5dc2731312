import { VastError } from "pulumi-vast/internal/api/errors";
import type { Context } from "pulumi-vast/internal/context";
import { keyPrefix } from "pulumi-vast/internal/copy-out/compare";
import { copyOutNow } from "pulumi-vast/internal/copy-out/on-demand";
import { findWorker } from "./fleet/find.ts";
import type { Fleets, Worker } from "./fleet/read.ts";
import { type CommonOptions, typed } from "./options.ts";
import { openSession } from "./session.ts";
import { EXIT, printJson, table } from "./terminal.ts";

interface Copied {
  label: string;
  contract: number;
  files: number;
  bytes: number;
  /** Where everything of the contract is. */
  url: string;
}
interface Failed {
  label: string;
  contract: number;
  message: string;
}

export async function copyOut(names: readonly string[], options: CommonOptions): Promise<number> {
  const session = await openSession(options);
  const workers = chosen(await session.fleets(), names);
  const { copied, failed } = await copyAll(session.context, workers);
  session.record.append({
    what: "copy-out",
    why: typed(),
    workers: workers.map(({ label }) => label),
    contracts: workers.map(({ contract }) => contract),
    after: { copied, failed },
    outcome: failed.length === 0 ? "ok" : copied.length === 0 ? "failed" : "partial",
  });
  for (const { message } of failed) session.log(`error: ${message}`);
  if (options.json) printJson({ stack: session.stack.name, copied, failed });
  else if (copied.length > 0)
    console.log(
      table(
        ["Label", "Contract", "Files", "Bytes", "Where"],
        copied.map(({ label, contract, files, bytes, url }) => [label, `${contract}`, `${files}`, `${bytes}`, url]),
      ),
    );
  if (failed.length === 0) return EXIT.ok;
  return copied.length === 0 ? EXIT.failure : EXIT.partial;
}

function chosen(fleets: Fleets, names: readonly string[]): Worker[] {
  const all = names.flatMap((name) => {
    const ofFleet = fleets.workers.filter(({ fleet }) => fleet === name);
    return ofFleet.length > 0 ? ofFleet : [findWorker(fleets, name)];
  });
  return [...new Set(all)];
}

/** All at once: the provider keeps the rate limits. */
export async function copyAll(
  context: Context,
  workers: readonly Worker[],
): Promise<{ copied: Copied[]; failed: Failed[] }> {
  const copied: Copied[] = [];
  const failed: Failed[] = [];
  const copyOne = async (worker: Worker) => {
    const { label, contract } = worker;
    try {
      copied.push(await copy(context, worker));
    } catch (error) {
      failed.push({ label, contract, message: (error as Error).message });
    }
  };
  await Promise.all(workers.map(copyOne));
  return { copied, failed };
}

async function copy(context: Context, { label, contract, state, row }: Worker): Promise<Copied> {
  if (!row) throw new VastError("not-found", `${label}: contract ${contract} is not in the account's list any more`);
  const { folders } = await copyOutNow(context, state, row);
  const files = folders.flatMap((folder) => folder.files);
  const { bucket = "", prefix = "" } = state.copyOut?.target ?? {};
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { label, contract, files: files.length, bytes, url: `s3://${bucket}/${keyPrefix(prefix, contract, "")}` };
}
