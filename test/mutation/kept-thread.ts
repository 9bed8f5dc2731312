import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";

type Listener = (message: unknown) => void;

interface Thread {
  worker: Worker;
  isSetUp: boolean;
  /** Settles when the test file that it was last given is through. */
  idle: Promise<void>;
  isIdle: boolean;
}

/**
 * One thread for all runs: importing Pulumi's SDK takes longer than the tests do, and a mutant is never in it. What may
 * hold one is evaluated anew for each test file all the same, as vitest does wherever files are isolated.
 */
class KeptThread implements PoolWorker {
  static #kept: Thread | undefined;
  readonly name = NAME;
  readonly #thread: Thread;
  #setUp: object = {};
  readonly #listeners: [event: string, listener: Listener][] = [];

  constructor(options: PoolOptions) {
    KeptThread.#kept ??= begin(options);
    this.#thread = KeptThread.#kept;
  }

  async start(): Promise<void> {}

  /** One that is still at work is told to stop by force, when its file has failed to run. */
  async stop(): Promise<void> {
    for (const [event, listener] of this.#listeners) this.off(event, listener);
    if (this.#thread.isIdle) return;
    if (KeptThread.#kept === this.#thread) KeptThread.#kept = undefined;
    await this.#thread.worker.terminate();
  }

  on(event: string, listener: Listener): void {
    this.#listeners.push([event, listener]);
    this.#thread.worker.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    this.#thread.worker.off(event, listener);
  }

  /** The thread is set up once and never told to stop: later, vitest gets its answers from here. */
  send(message: WorkerRequest): void {
    const thread = this.#thread;
    if (message.type === "stop") {
      // Not before its file is through, as in any thread: vitest also cancels what it has begun, at the first failure.
      void thread.idle.then(() => this.#answer("stopped"));
    } else if (message.type === "run") {
      awaitFile(thread);
      // Which tests run is said at the start: a thread that is set up has heard that of an earlier mutant.
      thread.worker.postMessage({ ...message, context: { ...this.#setUp, ...message.context } });
    } else if (message.type === "start" && thread.isSetUp) {
      this.#setUp = message.context;
      queueMicrotask(() => this.#answer("started"));
    } else {
      thread.isSetUp = true;
      thread.worker.postMessage(message);
    }
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  #answer(type: "started" | "stopped"): void {
    for (const [event, listener] of this.#listeners) {
      if (event === "message") listener({ type, __vitest_worker_response__: true });
    }
  }
}

function begin({ distPath, env, execArgv, project }: PoolOptions): Thread {
  const worker = new Worker(join(distPath, "workers/threads.js"), { env, execArgv });
  project.vitest.onClose(async () => void (await worker.terminate()));
  return { worker, isSetUp: false, idle: Promise.resolve(), isIdle: true };
}

function awaitFile(thread: Thread): void {
  const { promise, resolve } = Promise.withResolvers<void>();
  thread.idle = promise;
  thread.isIdle = false;
  const onMessage = (message: { type?: string }) => {
    if (message.type !== "testfileFinished") return;
    thread.worker.off("message", onMessage);
    thread.isIdle = true;
    resolve();
  };
  thread.worker.on("message", onMessage);
}

const NAME = "kept-thread";

export const keptThread: PoolRunnerInitializer = {
  name: NAME,
  createPoolWorker: (options) => new KeptThread(options),
};
