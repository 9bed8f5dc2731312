import type { WatchedWorker } from "./sight.ts";

/** What the watch wants of one worker; how it comes about is the stack's business. */
export interface Order {
  worker: WatchedWorker;
  /** Another machine although the stack itself would keep this one. */
  replace: boolean;
  excludeMachine?: number | undefined;
  /** GB per GPU that the next machine has to have. */
  minVramGb?: number | undefined;
}

export interface Parked {
  contract: number;
  worker: string;
  /** Copies its results out, destroys it and clears its record. */
  settle(): Promise<void>;
}

/**
 * A fleet as the watch sees and changes it. Behind it is the stack: whatever is changed is changed by an `up`, and
 * whatever is destroyed has passed the copy-out gate.
 */
export interface WatchedFleet {
  readonly name: string;
  /** @throws where service or state cannot be had, or answer oddly: then nothing is concluded */
  workers(): Promise<WatchedWorker[]>;
  /** The end of a worker's log; undefined where it cannot be had. */
  log(contract: number): Promise<string | undefined>;
  /** Whether the market has a machine for the worker with so many GB of memory per GPU. @throws where it cannot be asked */
  hasLarger(worker: WatchedWorker, minVramGb: number): Promise<boolean>;
  /**
   * One update for all orders. What went wrong is an answer: part of it may have gone well.
   * @throws where it is certain that nothing was changed, e.g. while another update is under way
   */
  repair(orders: readonly Order[], signal?: AbortSignal): Promise<string | undefined>;
  /** Parked contracts of the fleet whose host is back (they bill again), or which are gone, as of the last `workers()`. */
  parked(): Promise<readonly Parked[]>;
  /** Takes all workers and their volumes down, results copied out; says what went wrong. */
  tearDown(signal: AbortSignal): Promise<string | undefined>;
}
