import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/**
 * A server process that cannot outlive us. A small shell holds one end of a pipe; we hold the other. Whatever ends
 * us (a return, Ctrl-C, SIGKILL), the pipe closes, and the shell ends the server. stop() closes the pipe too, so
 * the one way that always has to work is the one that is used every time.
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

// The watcher reads the pipe to its end. A server that does not end on SIGTERM gets SIGKILL five seconds later.
const WATCHER = `
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
{ read -r _ <&3; kill -TERM $child; n=0
  while kill -0 $child && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
  kill -KILL $child; } 2>/dev/null >&2 &
watcher=$!
exec 3<&-
wait $child
status=$?
kill $watcher 2>/dev/null
exit $status
`;

export function spawnGuarded(command: string, args: readonly string[], options: GuardedChildOptions): GuardedChild {
  const log = openSync(options.logFile, "a", 0o600);
  // A session of its own: Ctrl-C on the terminal reaches us only, and we end the servers in order.
  const child = spawn("sh", ["-c", WATCHER, "sh", command, ...args], {
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
