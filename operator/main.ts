#!/usr/bin/env node
import { CommanderError } from "commander";
import { vastFleet } from "./program.ts";
import { EXIT, UsageError } from "./terminal.ts";

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  console.error(`error: ${message}`);
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}

// `vast-fleet status | head` closes the pipe early: no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

try {
  await vastFleet().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
