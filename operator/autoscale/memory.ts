import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { lock } from "proper-lockfile";
import { VastError } from "pulumi-vast/internal/api/errors";
import { z } from "zod";
import { seenSchema } from "../spend/meter.ts";

const memorySchema = z.object({
  contracts: z.record(z.string(), seenSchema).default({}),
  /** Epoch seconds, by contract. */
  idleSince: z.record(z.string(), z.number()).default({}),
  /** Last changes of size, epoch seconds, by fleet. */
  fleets: z.record(z.string(), z.object({ upS: z.number().optional(), downS: z.number().optional() })).default({}),
});
/** What an autoscaler has to know of its earlier checks. */
export type Memory = z.output<typeof memorySchema>;

export const NO_MEMORY: Memory = { contracts: {}, idleSince: {}, fleets: {} };

/** A lock that nobody renewed for so long is of a process that was killed. */
const STALE_MS = 60_000;

/**
 * Works with the memory in `file` while no other check of this stack does; whatever `work` last kept is there afterwards.
 * @throws VastError `blocked` while another check is under way, or where the file is no memory: its money would be forgotten
 */
export async function withMemory<T>(
  file: string,
  work: (memory: Memory, keep: (memory: Memory) => Promise<void>) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const release = await lock(file, { realpath: false, stale: STALE_MS }).catch((error: unknown) => {
    throw new VastError("blocked", "another check of this stack is under way", {
      cause: error,
      fix: "let it end; its own result counts",
    });
  });
  try {
    return await work(await read(file), (memory) => write(file, memory));
  } finally {
    await release();
  }
}

async function read(file: string): Promise<Memory> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return NO_MEMORY;
  try {
    return memorySchema.parse(JSON.parse(text));
  } catch (error) {
    throw new VastError("blocked", `${file} cannot be understood, so what was spent is not known`, {
      cause: error,
      fix: "put it back from a backup; or remove it: then only what Vast.ai has charged so far counts",
    });
  }
}

async function write(file: string, memory: Memory): Promise<void> {
  const beside = `${file}.new`;
  await writeFile(beside, `${JSON.stringify(memory)}\n`);
  await rename(beside, file);
}
