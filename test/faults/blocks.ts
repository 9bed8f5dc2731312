/** Why an `up` after the faults may leave something undone. */
export interface Block {
  reason: string;
  /** The message promises that the next `up` settles it: that is held against it. */
  upAgain: boolean;
}

/** What was done only partly: in the handler's own message, and as the engine prints it. */
function partly(reason: RegExp): RegExp {
  return new RegExp(`(?: and kept(?: in the state)?, but not finished: |^\\s*\\* )${reason.source}`, "m");
}

/**
 * What the one `up` after the faults may leave undone: a person, the market or a host has to change something, or the
 * contract is one that this `up` first had to take into the state. Every other failure of it is a violation.
 */
const BLOCKS: Readonly<Record<string, RegExp>> = {
  "no offer matches": /no offer on the market matches|\d+ offers came back, none fits/,
  "no machine for the volume and its instance":
    /\bckpt: no machine offers a volume of 12 GB together with the instance$/m,
  "the program says to fail when outbid": /and onInterruption is "fail"/,
  "two contracts with one mark, both of which ran": /both carry this resource's mark and \d+ may have run already/,
  "two volumes with one mark, both of which may hold something":
    /carries this resource's mark too and may hold something/,
  "taken up from an earlier program": /it is of an earlier program and not what is asked for now/,
  "taken up, and its process had ended": partly(/its process has ended/),
  "hosts too slow for the image and `bootTimeout`":
    /machines? in a row did not start; the last one: not running after \d+ s/,
  "host offline": /its host is offline|went offline while/,
};

const SETTLED_BY_THE_NEXT_UP: Readonly<Record<string, RegExp>> = {
  "its GPU is rented to another": partly(
    /the GPU of contract \d+ is rented to another; the queued start was taken back$/,
  ),
  "taken up, and it had been stopped": partly(/it was stopped before it was seen to run/),
  "taken up, and it had been outbid": partly(/the bid was beaten before the container started/),
  "taken up, and its GPU is another's": partly(/its GPU is rented to another/),
  "its host went away under the canary": /the canary file through cloud connection \d+ (?:did not come back|.* failed)/,
  "a new container that does not start": partly(
    /it does not start: (?:(?:not running after|no progress for) \d+ s|its GPU is rented|the bid was beaten)/,
  ),
};

/** Which of them an error is; undefined when the `up` should have managed. */
export function blockOf(message: string): Block | undefined {
  const among = (table: Readonly<Record<string, RegExp>>) =>
    Object.entries(table).find(([, says]) => says.test(message))?.[0];
  const next = among(SETTLED_BY_THE_NEXT_UP);
  if (next !== undefined) return { reason: next, upAgain: true };
  const reason = among(BLOCKS);
  return reason === undefined ? undefined : { reason, upAgain: false };
}
