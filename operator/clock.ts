import { isatty } from "node:tty";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import type { Clock } from "pulumi-vast/internal/clock";

/**
 * The time that an operator waits by: epoch seconds of the service, which are the wall's unless it is a simulator. A test
 * hands in its own `sleep`, which lets the simulator's clock jump: waits then cost nothing, work counts one to one.
 */
export interface OperatorClock {
  /** Epoch seconds of the service. */
  nowS(): number;
  /** @throws the signal's reason, at once, when it is aborted */
  wait(seconds: number, signal?: AbortSignal): Promise<void>;
  waitUntil(epochS: number, signal?: AbortSignal): Promise<void>;
  /** What a row of the service says of its time. */
  observe(row: InstanceRow): void;
}

export function operatorClock(clock: Clock, sleep: Clock["sleep"] = clock.sleep): OperatorClock {
  let originS = clock.nowS() - clock.elapsedS();
  /** Waited for, and jumped over. */
  let skippedS = 0;
  const nowS = () => originS + clock.elapsedS() + skippedS;
  const wait = async (seconds: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    if (!(seconds > 0)) return;
    const beforeS = clock.elapsedS();
    await (signal ? orAborted(sleep(seconds, signal), signal) : sleep(seconds));
    skippedS += Math.max(0, seconds - (clock.elapsedS() - beforeS));
  };
  return {
    nowS,
    wait,
    waitUntil: (epochS, signal) => wait(epochS - nowS(), signal),
    observe: (row) => {
      if (typeof row.end_date !== "number" || typeof row.duration !== "number") return;
      originS += row.end_date - row.duration - nowS();
    },
  };
}

async function orAborted(sleeping: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([sleeping, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The person pressed Ctrl-C, or the system asks this process to end. */
export class Interrupted extends Error {
  /** A terminal sends its Ctrl-C to every process in it: what this one has started knows already. */
  readonly reachedAll: boolean;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.reachedAll = signal === "SIGINT" && [0, 1, 2].some((stream) => isatty(stream));
  }
}

/** Aborts at the first Ctrl-C (SIGINT) or SIGTERM; what a second one does is said by `onSecond`. */
export function interrupts(
  onSecond: (interrupted: Interrupted) => void = () => process.exit(130),
): AbortSignal & Disposable {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    const interrupted = new Interrupted(signal);
    if (controller.signal.aborted) onSecond(interrupted);
    else controller.abort(interrupted);
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const dispose = () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
  return Object.assign(controller.signal, { [Symbol.dispose]: dispose });
}
