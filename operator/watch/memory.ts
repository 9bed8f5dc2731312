import { z } from "zod";
import type { Action, NewAction } from "../record.ts";
import type { Sign } from "./sight.ts";

/**
 * What the watch writes into the record of actions, and all that it remembers: a new process reads it there.
 * - `seen`: another sign than at the look before, or another contract.
 * - `progress`: work was done since the look before.
 * - `restart`, `relocate`, `replace`: what was done, and which contract the worker has after it.
 * - `alert`: nothing is changed, somebody has to look.
 */
const noteSchema = z.object({
  worker: z.string(),
  contract: z.int().optional(),
  sign: z.string(),
  phase: z.string().optional(),
  machine: z.int().optional(),
  gpu: z.string().optional(),
  line: z.string().optional(),
  units: z.number().optional(),
  total: z.number().optional(),
  step: z.number().optional(),
});
const outcomeSchema = z.object({ contract: z.int().optional(), machine: z.int().optional() });

export const REPAIRS = ["restart", "relocate", "replace"] as const;
export type WatchEntry = {
  what: "seen" | "progress" | "alert" | (typeof REPAIRS)[number];
  /** Epoch seconds. */
  atS: number;
  reason: string;
  /** Present once a repair has ended: what the worker has then. */
  after?: z.infer<typeof outcomeSchema> | undefined;
  error?: string | undefined;
  seconds?: number | undefined;
  dphBefore?: number | undefined;
  dphAfter?: number | undefined;
} & Omit<z.infer<typeof noteSchema>, "sign"> & { sign: Sign };

const WHATS: ReadonlySet<string> = new Set<WatchEntry["what"]>(["seen", "progress", "alert", ...REPAIRS]);

/** As a line of the record; its time is that of writing. */
export function actionOf(entry: WatchEntry, fleet: string): NewAction {
  const { what, atS, reason, after, error, seconds, dphBefore, dphAfter, ...note } = entry;
  const contracts = [entry.contract, after?.contract].filter((id) => id !== undefined);
  return {
    what,
    why: reason,
    workers: [entry.worker],
    fleets: [fleet],
    contracts: [...new Set(contracts)],
    before: note,
    ...(after === undefined ? {} : { after }),
    ...(dphBefore === undefined ? {} : { dphBefore }),
    ...(dphAfter === undefined ? {} : { dphAfter }),
    ...(seconds === undefined ? {} : { seconds }),
    outcome: error === undefined ? "ok" : "failed",
    ...(error === undefined ? {} : { error }),
  };
}

/** The entry of a line; undefined for one that another command has written. */
export function entryOf(action: Action): WatchEntry | undefined {
  if (!WHATS.has(action.what)) return undefined;
  const note = noteSchema.safeParse(action.before);
  if (!note.success) return undefined;
  const after = outcomeSchema.safeParse(action.after);
  return {
    ...note.data,
    sign: note.data.sign as Sign,
    what: action.what as WatchEntry["what"],
    atS: Date.parse(action.at) / 1000,
    reason: action.why,
    after: after.success ? after.data : undefined,
    error: action.error,
    seconds: action.seconds,
    dphBefore: action.dphBefore,
    dphAfter: action.dphAfter,
  };
}

function isRepair(what: WatchEntry["what"]): boolean {
  return REPAIRS.some((repair) => repair === what);
}

export interface WorkerMemory {
  /** The sign seen last, of which contract, and since when (epoch seconds). */
  seen?: { contract: number | undefined; sign: Sign; sinceS: number };
  progress?: { contract: number | undefined; line: string; atS: number };
  /** The newest that is known of. */
  contract?: number;
  restarts: { contract: number | undefined; atS: number }[];
  /** Repairs that did not go through, one after the other, and when the last one ended. */
  failed?: { times: number; atS: number };
  /** Epoch seconds of replacements that went through. */
  replacedS: number[];
  alerts: { sign: Sign; atS: number }[];
}

/** What is known of every worker from what was written of it. */
export class Memory {
  readonly #workers = new Map<string, WorkerMemory>();

  constructor(entries: readonly WatchEntry[] = []) {
    for (const entry of entries) this.learn(entry);
  }

  of(worker: string): WorkerMemory {
    const known = this.#workers.get(worker) ?? { restarts: [], replacedS: [], alerts: [] };
    this.#workers.set(worker, known);
    return known;
  }

  learn(entry: WatchEntry): void {
    const known = this.of(entry.worker);
    const { what, atS, contract, sign, after, error } = entry;
    if (isRepair(what)) {
      if (error === undefined) delete known.failed;
      else known.failed = { times: (known.failed?.times ?? 0) + 1, atS };
    }
    if (what === "seen") {
      this.#hasNow(known, contract, atS);
      known.seen = { contract, sign, sinceS: atS };
    } else if (what === "progress") known.progress = { contract, line: entry.line ?? "", atS };
    else if (what === "alert") known.alerts.push({ sign, atS });
    else if (after?.contract !== undefined && after.contract !== contract) this.#hasNow(known, after.contract, atS);
    else if (what === "restart") {
      known.restarts.push({ contract, atS });
      // What is seen next begins anew, also where it looks like what was seen before.
      delete known.seen;
    }
  }

  /** Whoever replaced it, and whether or not anybody could look right after it: another contract is a replacement. */
  #hasNow(known: WorkerMemory, contract: number | undefined, atS: number): void {
    if (contract === undefined) return;
    if (known.contract !== undefined && known.contract !== contract) known.replacedS.push(atS);
    known.contract = contract;
  }
}
