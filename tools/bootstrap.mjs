#!/usr/bin/env node
// @ts-check
// Brings a fresh clone to the point where a script of package.json can run, and runs it. Needs Node 20 and npm, and
// imports nothing but Node: it is what installs the rest.
//
//   node tools/bootstrap.mjs                          set everything up
//   node tools/bootstrap.mjs path                     the same, and print what to put in front of PATH
//   node tools/bootstrap.mjs run <script> [args…]     the same, and run a script with that PATH
//   node tools/bootstrap.mjs run --needs node …       only packages and Node: no engine, no S3 server
//   node tools/bootstrap.mjs path --needs node,engine,s3,redis    what all tests need

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import { parseArguments } from "./setup/arguments.mjs";
import { interrupt } from "./setup/commands.mjs";
import { provideEngine } from "./setup/engine.mjs";
import { SetupError } from "./setup/messages.mjs";
import { installPackages, newNode } from "./setup/packages.mjs";
import { provideRedisServer } from "./setup/redis-server.mjs";
import { provideS3Server } from "./setup/s3-server.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Sets up what is needed; the folders to put in front of PATH.
 * @param {string[]} needs
 */
async function setUp(needs) {
  await installPackages(root);
  const node = newNode(root);
  const engine = needs.includes("engine") ? await provideEngine({ node, root }) : undefined;
  const s3 = needs.includes("s3") ? await provideS3Server() : undefined;
  const redis = needs.includes("redis") ? await provideRedisServer() : undefined;
  const folders = [engine?.bin, s3?.bin, redis?.bin, dirname(node), join(root, "node_modules/.bin")];
  return [...new Set(folders)].filter((folder) => folder !== undefined);
}

/** @param {string} name */
function scriptOf(name) {
  const command = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts[name];
  if (!command) throw new SetupError(`package.json has no script "${name}".`);
  if (/[^\w\s./:=-]/.test(command))
    throw new SetupError(`The script "${name}" needs a shell: it can only be a plain command.`);
  return command;
}

/**
 * Runs a script of package.json. Not through `npm run`: each npm in between passes Ctrl-C on once more. Not through a
 * shell either: some stay in between and keep a signal to themselves.
 * @param {string} command
 * @param {string[]} args
 * @param {string[]} folders
 */
function runScript(command, args, folders) {
  const PATH = [...folders, process.env.PATH].join(delimiter);
  const [program = "", ...words] = command.split(" ");
  const child = spawn(program, [...words, ...args], {
    cwd: root,
    env: { ...process.env, PATH },
    stdio: "inherit",
  });
  for (const signal of SIGNALS) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      // A terminal has sent Ctrl-C to the child as well: a second one would mean "stop at once".
      if (signal === "SIGINT" && [0, 1, 2].some((stream) => isatty(stream))) return;
      child.kill(signal);
    });
  }
  child.on("error", fail);
  child.on("exit", (code, signal) => {
    if (!signal) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** @param {unknown} error */
function fail(error) {
  interrupt();
  // What the file system says (no space, no permission) is clear without a stack.
  const isPlain = error instanceof SetupError || (error instanceof Error && "syscall" in error);
  console.error(isPlain ? `\n${error.message}` : error);
  process.exit(1);
}

/** @type {NodeJS.Signals[]} */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
for (const signal of SIGNALS) {
  process.on(signal, () => {
    interrupt();
    process.exit(128 + constants.signals[signal]);
  });
}

try {
  if (process.platform === "win32") throw new SetupError("The set-up runs on Linux and macOS. On Windows use WSL.");
  const { mode, needs, script, args } = parseArguments(process.argv.slice(2));
  const command = mode === "run" ? scriptOf(script) : "";
  const folders = await setUp(needs);
  if (mode === "path") console.log(folders.join(delimiter));
  if (mode === "run") runScript(command, args, folders);
} catch (error) {
  fail(error);
}
