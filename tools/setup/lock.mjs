// @ts-check
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onInterrupt } from "./commands.mjs";

const BEAT_MS = 5_000;
const SILENT_TOO_LONG_MS = 120_000;
const POLL_MS = 500;

/** @typedef {{pid: number, host: string}} Holder */

/**
 * Whether the holder of a lock is gone. A process of this machine can be looked up; of another machine (a home
 * folder on the network, another container) only the heartbeat tells. It also tells when a pid was reused.
 * @param {Holder} holder
 * @param {number} silentMs time since the last heartbeat
 * @param {{host: string, isAlive: (pid: number) => boolean}} machine
 */
export function isAbandoned(holder, silentMs, machine) {
  if (silentMs > SILENT_TOO_LONG_MS) return true;
  return holder.host === machine.host && !machine.isAlive(holder.pid);
}

const thisMachine = {
  host: hostname(),
  /** @param {number} pid */
  isAlive: (pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return errorCode(error) === "EPERM";
    }
  },
};

/**
 * Runs `work` while no other set-up does. Two `npm test` at the same time must not install over each other.
 * @template T
 * @param {string} path
 * @param {(holder: Holder) => void} onWait called once when somebody else holds the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, onWait, work) {
  mkdirSync(dirname(path), { recursive: true });
  let waited = false;
  while (!take(path)) {
    const holder = read(path);
    if (holder?.abandoned) breakLock(path);
    else if (holder && !waited) {
      waited = true;
      onWait(holder);
    }
    await sleep(POLL_MS);
  }
  const release = () => {
    if (isMine(read(path))) rmSync(path, { force: true });
  };
  const forget = onInterrupt(release);
  const heartbeat = setInterval(() => {
    // A lock that others broke (this machine slept) needs no heartbeat.
    if (isMine(read(path))) utimesSync(path, new Date(), new Date());
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    forget();
    release();
  }
}

/**
 * Linking a finished file into place takes the lock and names its holder in one step: nobody reads half a lock.
 * @param {string} path
 */
function take(path) {
  const draft = `${path}.${thisMachine.host}-${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, host: thisMachine.host }));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

/** @param {Holder | undefined} holder */
function isMine(holder) {
  return holder?.pid === process.pid && holder.host === thisMachine.host;
}

/**
 * @param {string} path
 * @returns {(Holder & {abandoned: boolean}) | undefined}
 */
function read(path) {
  try {
    /** @type {Holder} */
    const holder = JSON.parse(readFileSync(path, "utf8"));
    const silentMs = Date.now() - statSync(path).mtimeMs;
    return { ...holder, abandoned: isAbandoned(holder, silentMs, thisMachine) };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Removes an abandoned lock. Of several waiters one does it, and looks again first: the lock that another waiter
 * has just broken and taken is not abandoned.
 * @param {string} path
 */
function breakLock(path) {
  const guard = `${path}.break`;
  if (!take(guard)) {
    if (read(guard)?.abandoned) rmSync(guard, { force: true });
    return;
  }
  try {
    if (read(path)?.abandoned) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

/** @param {unknown} error */
function errorCode(error) {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
