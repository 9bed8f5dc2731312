import type { Session } from "../session.ts";
import { StackBusyError } from "../stack/errors.ts";
import type { Killed } from "./destroy.ts";

/** An update rents at the service's pace, one in some seconds: one that is silent for so long rents nothing any more. */
const SILENT_FOR_S = 60;
const LOOK_EVERY_S = 5;

export interface Refreshed {
  /** What came, and went, while another update held the stack. */
  more: Killed[];
  /** Why the state is not up to date; undefined when it is. */
  problem: string | undefined;
}

/**
 * Brings the state up to date after a kill. An update that was under way by then goes on renting what its program asked for
 * before the config was changed: while it holds the stack, what it rents is destroyed as it comes.
 */
export async function refreshOnceFree(
  {
    stack,
    clock,
    signal,
    log,
  }: Pick<Session, "clock" | "signal" | "log"> & { stack: Pick<Session["stack"], "refresh"> },
  destroyAgain: () => Promise<Killed>,
): Promise<Refreshed> {
  const more: Killed[] = [];
  log("Bringing the state up to date (a refresh) …");
  for (let silentS = 0; ; ) {
    const error = await stack.refresh(log).then(
      () => undefined,
      (reason: Error) => reason,
    );
    if (error === undefined) return { more, problem: undefined };
    if (!(error instanceof StackBusyError) || silentS >= SILENT_FOR_S)
      return { more, problem: `the state still has them (pulumi refresh drops them): ${error.message}` };
    if (more.length === 0) log("Another update holds the stack: what it still rents is destroyed as it comes.");
    await clock.wait(LOOK_EVERY_S, signal);
    const killed = await destroyAgain();
    more.push(killed);
    const came = killed.destroyed.length + killed.left.length;
    silentS = came > 0 ? 0 : silentS + LOOK_EVERY_S;
    if (came > 0) log(`${killed.destroyed.length} more destroyed, ${killed.left.length} left.`);
  }
}
