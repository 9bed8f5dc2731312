import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { lock } from "proper-lockfile";
import { VastError } from "pulumi-vast/internal/api/errors";
import { z } from "zod";
import { isRunning } from "../running.ts";
import type { Session } from "../session.ts";

/** A watch that was killed on another machine leaves a lock that is nobody's after this time. */
const STALE_MS = 60_000;

const holderSchema = z.object({ host: z.string(), pid: z.int() });

/**
 * One watch per fleet: two would each count half of the restarts, and repair the same worker one after the other.
 * @throws VastError `blocked` while another one holds it
 */
export async function lockFleet(
  { record, stack }: Pick<Session, "record" | "stack">,
  fleet: string,
  onLost: () => void = () => undefined,
): Promise<AsyncDisposable> {
  const folder = dirname(record.file);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${stack.name.replaceAll("/", ".")}.${fleet}.watch`);
  if (wasKilled(file)) rmSync(`${file}.lock`, { recursive: true, force: true });
  const release = await lock(file, { realpath: false, stale: STALE_MS, onCompromised: onLost }).catch(
    (cause: unknown) => {
      throw new VastError("blocked", `fleet ${fleet} of stack ${stack.name} is watched already (${file}.lock)`, {
        fix: `end that monitor first; the lock of one that was killed on another machine is free after ${STALE_MS / 1000} s`,
        cause,
      });
    },
  );
  writeFileSync(file, JSON.stringify({ host: hostname(), pid: process.pid }));
  return {
    [Symbol.asyncDispose]: async () => {
      rmSync(file, { force: true });
      await release().catch(() => undefined);
    },
  };
}

/** Whoever held it last did so on this machine, and runs no more: a service manager starts it again within a second. */
function wasKilled(file: string): boolean {
  try {
    const { host, pid } = holderSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    return host === hostname() && !isRunning(pid);
  } catch {
    return false;
  }
}
