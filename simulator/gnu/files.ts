import type { BigIntStats } from "node:fs";

/** The disk as a command sees it: container paths in, what the host calls them out. */
export interface Files {
  now: number;
  /** Throws an error with code ENOENT where there is nothing. */
  stat(path: string): BigIntStats;
  list(path: string): string[];
  remove(path: string): void;
  linkTarget(path: string): string;
  /** The path as printed. */
  shown(path: string): string;
  /** A mounted volume is not removed with the directory around it. */
  isMountPoint(path: string): boolean;
}

export interface Outcome {
  output: string;
  exitCode: number;
}

export function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "No such file or directory";
  if (code === "ENOTDIR") return "Not a directory";
  if (code === "ENOTEMPTY") return "Directory not empty";
  return "Permission denied";
}
