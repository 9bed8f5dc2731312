// @ts-check
import { SetupError } from "./messages.mjs";

const PARTS = ["node", "engine", "s3", "redis"];
/** Redis is for tests alone: whoever runs a stack must not have to build it. */
const USUAL = PARTS.filter((part) => part !== "redis");

/**
 * @param {string[]} argv
 * @returns {{mode: "set-up" | "path" | "run", needs: string[], script: string, args: string[]}}
 */
export function parseArguments(argv) {
  const [mode = "set-up", ...rest] = argv;
  const needs = rest[0] === "--needs" ? (rest.splice(0, 2)[1] ?? "").split(",") : USUAL;
  if (needs.some((part) => !PARTS.includes(part))) throw usage();
  if ((mode === "set-up" || mode === "path") && rest.length === 0) return { mode, needs, script: "", args: [] };
  const [script, ...args] = rest;
  if (mode !== "run" || !script) throw usage();
  // `npm run demo -- --json FILE` leaves no "--" behind; a direct call may.
  return { mode, needs, script, args: args[0] === "--" ? args.slice(1) : args };
}

function usage() {
  return new SetupError(
    `Usage: node tools/bootstrap.mjs [path [--needs ${PARTS.join(",")}] | run [--needs …] <script> [arguments…]]`,
  );
}
