/**
 * What the one `up` after the faults may leave undone: a person, the market or a host has to change something, or the
 * contract is one that this `up` first had to take into the state. Every other failure of it is a violation.
 */
const BLOCKS: Readonly<Record<string, RegExp>> = {
  "no offer matches": /no offer on the market matches|offers came back, none fits/,
  "no machine for the volume and its instance": /no machine offers a volume of \d+ GB/,
  "its GPU is rented to another": /the GPU of contract \d+ is rented to another; the queued start was taken back/,
  "the program says to fail when outbid": /and onInterruption is "fail"/,
  "two contracts with one mark, both of which ran": /both carry this resource's mark and \d+ may have run already/,
  "two volumes with one mark, both of which may hold something":
    /carries this resource's mark too and may hold something/,
  "taken up from an earlier program": /it is of an earlier program and not what is asked for now/,
  "taken up, and its process had ended": /rented and kept in the state, but not finished: its process has ended/,
  "a host too slow for its image and `bootTimeout`":
    /it does not start: not running after \d+ s|did not start; the last one: not running after \d+ s/,
  "host offline": /its host is offline|went offline while/,
};

/** Which of them an error is; undefined when the `up` should have managed. */
export function blockOf(message: string): string | undefined {
  return Object.entries(BLOCKS).find(([, says]) => says.test(message))?.[0];
}
