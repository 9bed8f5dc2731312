// @ts-check
import { SetupError } from "./messages.mjs";

const PARTS = ["node", "engine", "s3"];

/**
 * @param {string[]} argv
 * @returns {{mode: "set-up" | "path" | "run", needs: string[], script: string, args: string[]}}
 */
export function parseArguments(argv) {
  const [mode = "set-up", ...rest] = argv;
  if ((mode === "set-up" || mode === "path") && rest.length === 0) return { mode, needs: PARTS, script: "", args: [] };
  if (mode !== "run") throw usage();
  const needs = rest[0] === "--needs" ? (rest.splice(0, 2)[1] ?? "").split(",") : PARTS;
  const [script, ...args] = rest;
  if (!script || needs.some((part) => !PARTS.includes(part))) throw usage();
  // `npm run demo -- --json FILE` leaves no "--" behind; a direct call may.
  return { mode, needs, script, args: args[0] === "--" ? args.slice(1) : args };
}

function usage() {
  return new SetupError(
    `Usage: node tools/bootstrap.mjs [path | run [--needs ${PARTS.join(",")}] <script> [arguments…]]`,
  );
}
