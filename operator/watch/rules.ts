import type { WatchSettings } from "./settings.ts";
import type { Sign } from "./sight.ts";

/**
 * - `leave`: nothing.
 * - `restart`: once in place; when that did not help, another machine.
 * - `relocate`: `up` as the program says, which rents elsewhere: it needs no word of ours.
 * - `replace`: another machine although this one runs.
 * - `alert`: nothing is changed, since a new machine would fail the same way; somebody has to look.
 */
export type Repair = "leave" | "restart" | "relocate" | "replace" | "alert";

export interface Rule {
  sign: Sign;
  repair: Repair;
  /** For so long it has to hold while the container runs; what has ended is not waited for. */
  after?: keyof WatchSettings["after"];
  /** The machine is to blame: it is not rented again. */
  excludeMachine?: true;
  /** The next one needs more memory per GPU than this one has. */
  moreVram?: true;
  why: string;
}

/** What follows from what is seen: every automatic repair there is. */
export const RULES: readonly Rule[] = [
  { sign: "asleep", repair: "leave", why: "the stack wants it stopped" },
  { sign: "past-expiry", repair: "leave", why: "it is past its expiry: nothing is started or replaced for it" },
  { sign: "over-price", repair: "replace", why: "it costs more than maxDph" },
  { sign: "gone", repair: "relocate", why: "its contract is gone, or was never rented" },
  {
    sign: "offline",
    repair: "relocate",
    why: "its host is offline: the contract is parked and its results fetched later",
  },
  { sign: "preempted", repair: "relocate", why: "it was outbid: another host goes on from the last checkpoint" },
  { sign: "expired", repair: "relocate", why: "the host ended the contract" },
  {
    sign: "queued",
    repair: "replace",
    after: "queued",
    why: "its GPU is rented to another: the queued start is cancelled",
  },
  { sign: "host-error", repair: "replace", excludeMachine: true, why: "the host cannot start the container" },
  { sign: "crashed", repair: "restart", why: "its process has ended" },
  { sign: "stopped", repair: "restart", why: "somebody stopped it, its disk bills" },
  { sign: "auth", repair: "alert", why: "a key is refused (401/403): every machine would fail the same way" },
  { sign: "image", repair: "alert", why: "the image cannot be had: every machine would fail the same way" },
  { sign: "oom", repair: "replace", after: "fatal", moreVram: true, why: "CUDA ran out of memory" },
  { sign: "no-cuda", repair: "replace", excludeMachine: true, why: "the host's driver or GPU cannot be used" },
  { sign: "gpu", repair: "replace", excludeMachine: true, why: "the GPU failed" },
  { sign: "no-container", repair: "replace", excludeMachine: true, why: "the host lost the container" },
  { sign: "ssh-forwarding", repair: "replace", excludeMachine: true, why: "the host forwards no SSH" },
  { sign: "fatal", repair: "replace", after: "fatal", why: "a fatal error, and no progress after it" },
  { sign: "boot", repair: "replace", after: "boot", excludeMachine: true, why: "it does not get out of booting" },
  {
    sign: "setup",
    repair: "replace",
    after: "setup",
    excludeMachine: true,
    why: "it does not get out of its setup, or its start script said nothing at all",
  },
  { sign: "progress", repair: "replace", after: "progress", excludeMachine: true, why: "it makes no progress" },
  {
    sign: "unknown-log",
    repair: "alert",
    after: "progress",
    why: "no line of its log is known: set patterns.progress in pulumi-vast:watch, or nobody can tell whether it works",
  },
  { sign: "running", repair: "leave", why: "it runs" },
];

const BY_SIGN = new Map(RULES.map((rule) => [rule.sign, rule]));

export function ruleFor(sign: Sign): Rule {
  const rule = BY_SIGN.get(sign);
  if (rule === undefined) throw new Error(`no rule of repair for ${sign}`);
  return rule;
}
