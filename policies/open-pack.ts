import { createRequire, enableCompileCache, flushCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Rule } from "./rule.ts";

/**
 * Serves the rules of one pack, or all of them as one. Every engine run is a new process: compiled once and kept, the
 * pack is there sooner. In a folder of its own, as provider/doors.cjs says why.
 */
export function openPack(name: string, only?: Rule["pack"]): void {
  enableCompileCache(
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "pulumi-vast", "compiled", "policies"),
  );
  // At once: what fails after the runner thinks the program has ended, it says twice.
  const { servePack } = createRequire(import.meta.url)("./pack.mts") as typeof import("./pack.mts");
  servePack(name, only);
  // The engine ends this process with a signal, which leaves no time to write it at the end.
  flushCompileCache();
}
