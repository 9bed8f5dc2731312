// @ts-check

/** An error whose message is all that the user needs to see. */
export class SetupError extends Error {}

/**
 * One message for something that cannot be had: what, what was tried, and the ways to provide it.
 * @param {string} what
 * @param {{source: string, why: string}[]} tried
 * @param {string[]} ways
 */
export function cannotBeHad(what, tried, ways) {
  const reasons = tried.map(({ source, why }) => `  ${source}: ${indentRest(why, "    ")}`);
  const bullets = ways.map((way) => `  - ${indentRest(way, "    ")}`);
  return [`${what} cannot be set up on this machine.`, "", ...reasons, "", "Any one of these helps:", ...bullets].join(
    "\n",
  );
}

/**
 * @param {string} command
 * @param {string} ending "exit code 1", "timed out after 600 s"
 * @param {string[]} lastLines
 */
export function commandFailed(command, ending, lastLines) {
  if (lastLines.length === 0) return `\`${command}\` failed (${ending}) without a message`;
  return [`\`${command}\` failed (${ending}). Its last lines:`, ...lastLines].join("\n");
}

/**
 * @param {string} text
 * @param {string} indent
 */
function indentRest(text, indent) {
  return text.replaceAll("\n", `\n${indent}`);
}
