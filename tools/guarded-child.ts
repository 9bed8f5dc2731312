import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A server process that cannot outlive us: guarded-child.sh ends it when our end of a pipe closes, whatever ends us.
 * stop() closes the pipe as well, so the one way that always has to work is the one that is used every time.
 */
export interface GuardedChild {
  readonly process: ChildProcess;
  /** Resolves when the server has ended; never rejects. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

export interface GuardedChildOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Everything the server prints on stderr goes here, and stdout too unless it is piped. */
  readonly logFile: string;
  readonly stdout?: "log" | "pipe";
}

const WATCHER = join(import.meta.dirname, "guarded-child.sh");

export function spawnGuarded(command: string, args: readonly string[], options: GuardedChildOptions): GuardedChild {
  const log = openSync(options.logFile, "a", 0o600);
  // A session of its own: Ctrl-C on the terminal reaches us only, and we end the servers in order.
  const child = spawn("sh", [WATCHER, command, ...args], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["pipe", options.stdout === "pipe" ? "pipe" : log, log],
  });
  closeSync(log);
  // Writing never happens, but a server that ends first must not turn its broken pipe into our crash.
  child.stdin?.on("error", () => {});
  const exited = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => {
      child.stdin?.destroy();
      resolve();
    });
  });
  return {
    process: child,
    exited,
    stop: async () => {
      child.stdin?.destroy();
      await exited;
    },
  };
}

/** The last lines of a server's log, for the message that says why it did not start. */
export function logTail(logFile: string, lines = 8): string {
  try {
    return readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "";
  }
}
