import type { Clock } from "../clock.ts";

export interface Quiet {
  /** Wall seconds in which nobody comes. */
  quietS: number;
  /** Wall seconds after which it is enough, whoever still comes. */
  longestS: number;
}

/** Looks in a quiet time: the fewer, the longer it can last; the more, the more often a timer fires for nothing. */
const LOOKS = 3;

/**
 * Waits for a crowd to be complete: the engine starts the reads and deletes of a fleet one by one, with a checkpoint of its
 * state between two of them, and a call that leaves with the first of them leaves the others to a second one.
 *
 * @param come how many have come so far
 * @param isFull whether there is no room for more
 */
export async function gathered(
  clock: Clock,
  come: () => number,
  { quietS, longestS }: Quiet,
  isFull: () => boolean = () => false,
): Promise<void> {
  const lookS = quietS / LOOKS;
  let seen = come();
  let quietLooks = 0;
  for (let waitedS = 0; quietLooks < LOOKS && waitedS < longestS && !isFull(); waitedS += lookS) {
    await clock.sleep(lookS * clock.scale);
    quietLooks = come() === seen ? quietLooks + 1 : 0;
    seen = come();
  }
}
