import { filesOf } from "../gnu/execute.ts";
import type { Files } from "../gnu/files.ts";
import { UsageError } from "../gnu/options.ts";
import { BadCommandError, expand, splitWords } from "../gnu/words.ts";
import type { Contract } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { PROGRAMS } from "./programs.ts";

export interface Result {
  stdout: Buffer;
  stderr: string;
  exitCode: number;
}

export interface Context {
  world: World;
  contract: Contract;
  files: Files;
  cwd: string;
  stdin: Buffer;
  /** Runs another command, as xargs and find -exec do. */
  run: (words: readonly string[], stdin: Buffer) => Result;
}

export type Program = (context: Context, words: readonly string[]) => Result;

export function out(text: string | Buffer, exitCode = 0, stderr = ""): Result {
  return { stdout: typeof text === "string" ? Buffer.from(text) : text, stderr, exitCode };
}

export function fail(stderr: string, exitCode = 1): Result {
  return { stdout: Buffer.alloc(0), stderr, exitCode };
}

interface Step {
  /** What joins it to the one before. */
  joined: ";" | "&&" | "||";
  pipeline: string[];
}

/**
 * One command line in the container: lists with ; && || and pipes of programs written in JavaScript over the contract's
 * directory. Nothing is ever run on the real machine.
 */
export function runLine(world: World, contract: Contract, line: string): Result {
  const state = { cwd: "/root" };
  const total: Result = out("");
  const chunks: Buffer[] = [];
  for (const { joined, pipeline } of split(line)) {
    if (joined === "&&" && total.exitCode !== 0) continue;
    if (joined === "||" && total.exitCode === 0) continue;
    const result = runPipeline(world, contract, pipeline, state);
    chunks.push(result.stdout);
    total.stderr += result.stderr;
    total.exitCode = result.exitCode;
  }
  return { ...total, stdout: Buffer.concat(chunks) };
}

function runPipeline(world: World, contract: Contract, pipeline: readonly string[], state: { cwd: string }): Result {
  let result = out("");
  let stderr = "";
  for (const command of pipeline) {
    result = runCommand(world, contract, command, state, result.stdout);
    stderr += result.stderr;
  }
  return { ...result, stderr };
}

function runCommand(world: World, contract: Contract, command: string, state: { cwd: string }, stdin: Buffer): Result {
  const { text, dropOut, dropErr, errToOut } = redirections(command);
  const root = filesOf(world, contract, "");
  try {
    const words = splitWords(text).flatMap((word) => expand(root, word));
    const result = execute(world, contract, words, state, stdin);
    if (errToOut) return { ...result, stdout: Buffer.concat([result.stdout, Buffer.from(result.stderr)]), stderr: "" };
    return { ...result, stdout: dropOut ? Buffer.alloc(0) : result.stdout, stderr: dropErr ? "" : result.stderr };
  } catch (error) {
    if (error instanceof UsageError) return fail(dropErr ? "" : error.message, 2);
    if (error instanceof BadCommandError) return fail(`bash: ${error.message}\n`, 2);
    throw error;
  }
}

function execute(
  world: World,
  contract: Contract,
  words: readonly string[],
  state: { cwd: string },
  stdin: Buffer,
): Result {
  const [name, ...rest] = words;
  if (name === undefined) return out("");
  if (name === "cd") {
    state.cwd = rest[0] ?? "/root";
    return out("");
  }
  const program = PROGRAMS[name.replace(/^\/(usr\/)?bin\//, "")];
  if (!program) return fail(`bash: ${name}: command not found\n`, 127);
  const files = filesOf(world, contract, "");
  const run = (more: readonly string[], input: Buffer) => execute(world, contract, more, state, input);
  return program({ world, contract, files, cwd: state.cwd, stdin, run }, rest);
}

/** `2>/dev/null`, `>/dev/null`, `2>&1`: the redirections health checks use. */
function redirections(command: string): { text: string; dropOut: boolean; dropErr: boolean; errToOut: boolean } {
  let text = command;
  const take = (pattern: RegExp): boolean => {
    const found = pattern.test(text);
    text = text.replace(pattern, " ");
    return found;
  };
  const errToOut = take(/\s*2>&1/);
  const dropErr = take(/\s*2>\s*\/dev\/null/);
  const dropOut = take(/\s*1?>\s*\/dev\/null/);
  return { text, dropOut, dropErr, errToOut };
}

/** Splits at operators outside quotes. */
function split(line: string): Step[] {
  const steps: Step[] = [];
  let joined: Step["joined"] = ";";
  let pipeline = [""];
  const finish = (next: Step["joined"]): void => {
    if (pipeline.some((part) => part.trim() !== "")) steps.push({ joined, pipeline });
    joined = next;
    pipeline = [""];
  };
  for (const token of line.match(/\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"|2>&1|&&|\|\||[;|\n]|[\s\S]/g) ?? []) {
    if (token === "&&" || token === "||") finish(token);
    else if (token === ";" || token === "\n") finish(";");
    else if (token === "|") pipeline.push("");
    else pipeline[pipeline.length - 1] += token;
  }
  finish(";");
  return steps;
}
