import { createRequire, enableCompileCache, flushCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Serves the rules of one pack, or all of them as one. Every engine run is a new process: compiled once and kept, the
 * pack is there sooner. In a folder of its own, as provider/doors.cjs says why. Plain JavaScript up to here: Node's reader
 * of types, which what is kept does without, takes longer to load than all rules.
 *
 * @param {string} name
 * @param {import("./rule.ts").Rule["pack"]} [only]
 */
export function openPack(name, only) {
  enableCompileCache(
    join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "pulumi-vast", "compiled", "policies"),
  );
  // At once: what fails after the runner thinks the program has ended, it says twice.
  const require = createRequire(import.meta.url);
  /** @type {typeof import("./lean-sdk.mts")} */ (require("./lean-sdk.mts")).leanSdk();
  /** @type {typeof import("./pack.mts")} */ (require("./pack.mts")).servePack(name, only);
  // The engine ends this process with a signal, which leaves no time to write it at the end.
  flushCompileCache();
}
