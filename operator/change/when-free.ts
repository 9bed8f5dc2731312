import type { Session } from "../session.ts";
import { StackBusyError } from "../stack/errors.ts";

const ASKED_EVERY_S = 5;

/**
 * For whoever watches a fleet and cannot come back later: waits while another update holds the stack, such as the one of a
 * monitor that was killed a moment ago, whose engine still ends what it has begun.
 * @throws what the signal is aborted with, and what `run` throws otherwise
 */
export async function whenFree<T>(
  { clock, log }: Pick<Session, "clock" | "log">,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  let isSaid = false;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof StackBusyError)) throw error;
      if (!isSaid) log(`Waiting: ${error.message}`);
      isSaid = true;
      await clock.wait(ASKED_EVERY_S, signal);
    }
  }
}
