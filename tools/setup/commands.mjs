// @ts-check
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { commandFailed } from "./messages.mjs";

const HEARTBEAT_MS = 15_000;
// npm names the cause first and explains its options after that.
const LAST_LINES = 40;

/** @type {Set<() => void>} */
const cleanups = new Set();

/**
 * What to undo when the set-up is interrupted; returns a function that takes it back.
 * @param {() => void} cleanup
 */
export function onInterrupt(cleanup) {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

/** Stops what is running and cleans up, latest first. */
export function interrupt() {
  for (const cleanup of [...cleanups].reverse()) cleanup();
}

/**
 * Progress goes to stderr: stdout belongs to the script that `run` starts.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/**
 * A step that may take long: a line when it starts, one every 15 seconds, one when it ends.
 * @param {string} name
 * @param {string} hint what to expect, on the first line only
 * @param {(progress: {detail: string}) => Promise<string | undefined>} work resolves to what went wrong; may keep
 *   `detail` up to date for the lines in between
 */
export async function step(name, hint, work) {
  const started = Date.now();
  const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const progress = { detail: "" };
  say(`${[name, hint].filter(Boolean).join(", ")} …`);
  const heartbeat = setInterval(
    () => say([`${name}: ${elapsed()}`, progress.detail].filter(Boolean).join(", ")),
    HEARTBEAT_MS,
  );
  try {
    const failed = await work(progress);
    say(`${name}: ${failed ? "failed after" : "done in"} ${elapsed()}`);
    return failed;
  } finally {
    clearInterval(heartbeat);
  }
}

/**
 * Runs a command with its output kept back. Resolves to undefined, or to what went wrong, with its last lines;
 * lines that only show progress are not among them.
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, isProgress?: (line: string) => boolean, timeoutMs?: number}} options
 * @returns {Promise<string | undefined>}
 */
export async function run(command, args, { cwd, env, isProgress, timeoutMs } = {}) {
  const name = `${basename(command)} ${basename(args[0] ?? "")}`.trim();
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs });
  const forget = onInterrupt(() => child.kill());
  /** @type {string[]} */
  const last = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (text) => {
      if (isProgress?.(text)) return;
      last.push(text);
      if (last.length > LAST_LINES) last.shift();
    });
  }
  /** @type {string | undefined} */
  const ending = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) =>
      resolve(code === 0 ? undefined : signal ? `ended by ${signal}` : `exit code ${code}`),
    );
  });
  forget();
  return ending && commandFailed(name, ending, last);
}

/**
 * The stdout of a short command, or undefined if it cannot be run or fails.
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 */
export function ask(command, args, options) {
  const { status, stdout } = spawnSync(command, args, {
    ...options,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 20_000,
  });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * The first executable of that name in a list of folders written like PATH.
 * @param {string} name
 * @param {string | undefined} path
 */
export function findExecutable(name, path = process.env.PATH) {
  return (path ?? "")
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
