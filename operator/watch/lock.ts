import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { lock } from "proper-lockfile";
import { VastError } from "pulumi-vast/internal/api/errors";
import type { Session } from "../session.ts";

/** A watch that was killed leaves its lock, which is nobody's after this time. */
const STALE_MS = 60_000;

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
  const release = await lock(file, { realpath: false, stale: STALE_MS, onCompromised: onLost }).catch(
    (cause: unknown) => {
      throw new VastError("blocked", `fleet ${fleet} of stack ${stack.name} is watched already (${file}.lock)`, {
        fix: `end that monitor first; the lock of one that was killed is free after ${STALE_MS / 1000} s`,
        cause,
      });
    },
  );
  return { [Symbol.asyncDispose]: () => release().catch(() => undefined) };
}
