import { budgetAllowance } from "./budget.ts";
import { type FleetPolicy, type Limits, limitsAt } from "./policy.ts";

/**
 * - `idle`: its GPU is known to do nothing.
 * - `starting`: nothing ran on it yet.
 * - `unknown`: its host reports no figures; that is not idle.
 * - `offline`: it bills nothing, and can be neither copied out nor removed now.
 */
export type Work = "idle" | "starting" | "unknown" | "busy" | "offline";

export interface Worker {
  /** Its number in the fleet. */
  number: number;
  label: string;
  work: Work;
  /** USD/h, all-in. */
  dph: number;
}

export interface Situation {
  nowS: number;
  workers: readonly Worker[];
  /** Undefined where the source did not answer: then demand changes nothing. */
  depth: number | undefined;
  /** USD so far this day and this month, as far as anything knows. */
  spent: { day: number; month: number };
  /** USD/h that a worker yet to be rented may cost: the fleet's price cap. */
  newWorkerDph: number;
  /** Epoch seconds of the last changes of size. */
  last: { upS?: number | undefined; downS?: number | undefined };
}

export interface Decision {
  /** Workers now, as demand and window would have it, and as it is to be. */
  size: number;
  wanted: number;
  target: number;
  /** As many as the budgets can bear. */
  affordable: number;
  /** Numbers of the workers to remove. */
  remove: number[];
  reasons: string[];
  /** What kept the fleet from the wanted size. */
  heldBy: ("queue" | "cooldown" | "busy" | "budget")[];
}

/** Idle first; what is offline cannot be removed. */
const REMOVED_IN_ORDER: readonly Work[] = ["idle", "starting", "unknown", "busy", "offline"];

/** What an autoscaler does about one fleet at one moment. Pure: the same situation, the same decision. */
export function decide(policy: FleetPolicy, situation: Situation): Decision {
  const limits = limitsAt(policy, situation.nowS);
  const { wanted, reasons, heldBy } = wantedSize(limits, situation);
  const size = situation.workers.length;
  const removable = inOrderOfRemoval(situation.workers);
  const allowance = budgetAllowance(policy, {
    ...situation,
    ...limits,
    dphs: removable.toReversed().map(({ work, dph }) => (work === "offline" ? 0 : dph)),
  });
  const as = (more: Partial<Decision>, because: (string | undefined)[] = []): Decision => ({
    ...{ size, wanted, target: size, affordable: allowance.workers, remove: [], heldBy },
    ...more,
    reasons: [...reasons, ...because.filter((reason) => reason !== undefined)],
  });
  if (size > allowance.workers) {
    // Money first: no cooldown, no step, no regard for work, which the copy-out saves.
    const remove = removable.filter(({ work }) => work !== "offline").slice(0, size - allowance.workers);
    return as({ ...removal(size, remove), heldBy: ["budget"] }, [allowance.reason]);
  }
  if (wanted > size) {
    const waits = cooling(policy.cooldownMinutes.up, lastChange(situation), situation.nowS);
    if (waits) return as({ heldBy: [...heldBy, "cooldown"] }, [`no more yet: ${waits}`]);
    const target = Math.min(wanted, size + policy.stepUp, allowance.workers);
    const isHeld = allowance.workers < Math.min(wanted, size + policy.stepUp);
    return as({ target, heldBy: isHeld ? [...heldBy, "budget"] : heldBy }, [isHeld ? allowance.reason : undefined]);
  }
  if (wanted < size) {
    const waits = cooling(policy.cooldownMinutes.down, lastChange(situation), situation.nowS);
    if (waits) return as({ heldBy: [...heldBy, "cooldown"] }, [`no fewer yet: ${waits}`]);
    const surplus = Math.min(size - wanted, policy.stepDown);
    const remove = removable.filter((worker) => mayGo(worker, policy)).slice(0, surplus);
    const isHeld = remove.length < surplus;
    return as({ ...removal(size, remove), heldBy: isHeld ? [...heldBy, "busy"] : heldBy }, [
      isHeld ? "the others are at work" : undefined,
    ]);
  }
  return as({});
}

function wantedSize(
  { min, max, itemsPerWorker, window }: Limits,
  { depth, workers }: Situation,
): Pick<Decision, "wanted" | "reasons" | "heldBy"> {
  const clamp = (size: number) => Math.min(Math.max(size, min), max);
  const reasons = window === undefined ? [] : [`window ${window}`];
  if (depth === undefined) {
    reasons.push("the queue does not say how long it is, so demand changes nothing");
    return { wanted: clamp(workers.length), reasons, heldBy: ["queue"] };
  }
  const asked = Math.ceil(depth / itemsPerWorker);
  const held = asked === clamp(asked) ? "" : `, held between ${min} and ${max}`;
  reasons.push(`${depth} queued at ${itemsPerWorker} a worker ask for ${asked}${held}`);
  return { wanted: clamp(asked), reasons, heldBy: [] };
}

/** Those that lose least first; among equals the dearest, then the highest number. */
function inOrderOfRemoval(workers: readonly Worker[]): Worker[] {
  const rank = ({ work }: Worker) => REMOVED_IN_ORDER.indexOf(work);
  return workers.toSorted((a, b) => rank(a) - rank(b) || b.dph - a.dph || b.number - a.number);
}

function mayGo({ work }: Worker, policy: FleetPolicy): boolean {
  return work !== "offline" && (work !== "busy" || policy.removeBusy);
}

function removal(size: number, remove: readonly Worker[]): Pick<Decision, "target" | "remove"> {
  return { target: size - remove.length, remove: remove.map(({ number }) => number).toSorted((a, b) => a - b) };
}

function lastChange({ last }: Situation): number | undefined {
  return last.upS === undefined && last.downS === undefined ? undefined : Math.max(last.upS ?? 0, last.downS ?? 0);
}

/** Why a change has to wait; undefined when it has not. */
function cooling(minutes: number, lastS: number | undefined, nowS: number): string | undefined {
  if (lastS === undefined || nowS - lastS >= minutes * 60) return undefined;
  const leftMinutes = Math.ceil((minutes * 60 - (nowS - lastS)) / 60);
  return `the size changed less than ${minutes} min ago (${leftMinutes} min left)`;
}
