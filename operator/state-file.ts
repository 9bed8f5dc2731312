import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { lock } from "proper-lockfile";
import { VastError } from "pulumi-vast/internal/api/errors";
import type { z } from "zod";

/** A lock that nobody renewed for so long is of a process that was killed. */
const STALE_MS = 60_000;

export interface StateFile<T> {
  /**
   * Works with what the file holds while no other process does; whatever `work` kept last is there afterwards.
   * @throws VastError `blocked` while another process is at it, or where the file cannot be understood: nothing is forgotten
   */
  use<R>(work: (state: T, keep: (state: T) => Promise<void>) => Promise<R>): Promise<R>;
}

/** What a command that runs again and again has to know of its earlier runs. Without a file it is what `schema` makes of {}. */
export function stateFile<Schema extends z.ZodType>(file: string, schema: Schema): StateFile<z.output<Schema>> {
  type State = z.output<Schema>;
  const keep = async (state: State) => {
    await writeFile(`${file}.new`, `${JSON.stringify(state)}\n`);
    await rename(`${file}.new`, file);
  };
  return {
    use: async (work) => {
      await mkdir(dirname(file), { recursive: true });
      const release = await lock(file, { realpath: false, stale: STALE_MS }).catch((error: unknown) => {
        throw new VastError("blocked", "another check of this stack is under way", {
          cause: error,
          fix: "let it end; its own result counts",
        });
      });
      try {
        return await work(await read(file, schema), keep);
      } finally {
        await release();
      }
    },
  };
}

async function read<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema>> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new VastError("blocked", `${file} cannot be understood, so what was seen and done is not known`, {
      cause: error,
      fix: "put it back from a backup; or remove it: then only what Vast.ai has charged so far counts",
    });
  }
}
