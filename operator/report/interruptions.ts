import type { Sample } from "./samples.ts";

export interface Interruption {
  label: string;
  /** Epoch seconds of the first look that showed it. */
  atS: number;
  /** Condition then: `preempted`, `crashed`, `offline` …, or `replaced` when another contract had its place already. */
  what: string;
  /** Until it was seen to run again; undefined: not within the span. Between two looks, so as exact as they are apart. */
  recoveredAfterS: number | undefined;
  /** Somebody removed it before it ran again. */
  removed: boolean;
}

/** A removal that was wanted: no interruption. */
export interface Removal {
  label: string;
  atS: number;
}

/** Each time a worker that ran was seen not to run, or to run elsewhere, without anybody having removed it. */
export function interruptionsIn(samples: readonly Sample[], removals: readonly Removal[]): Interruption[] {
  return [...Map.groupBy(samples, ({ label }) => label)]
    .flatMap(([label, own]) => interruptionsOf(label, own, removals))
    .toSorted((a, b) => a.atS - b.atS);
}

function interruptionsOf(label: string, samples: readonly Sample[], removals: readonly Removal[]): Interruption[] {
  const found: Interruption[] = [];
  let running: Sample | undefined;
  let open: Interruption | undefined;
  let before: Sample | undefined;
  for (const sample of samples.toSorted((a, b) => a.atS - b.atS)) {
    const runs = sample.condition === "running";
    if (before && open && open.recoveredAfterS === undefined && wasRemoved(label, before, sample, removals)) {
      open.removed = true;
      open = undefined;
    }
    if (running && (!runs || sample.contract !== running.contract) && !wasRemoved(label, running, sample, removals)) {
      open = interruption(label, running, sample);
      found.push(open);
    }
    if (runs && open?.recoveredAfterS === undefined && open) open.recoveredAfterS = sample.atS - open.atS;
    running = runs ? sample : undefined;
    before = sample;
  }
  return found;
}

function interruption(label: string, before: Sample, now: Sample): Interruption {
  const runs = now.condition === "running";
  const what = runs ? "replaced" : now.condition;
  return { label, atS: now.atS, what, recoveredAfterS: runs ? now.atS - before.atS : undefined, removed: false };
}

function wasRemoved(label: string, before: Sample, after: Sample, removals: readonly Removal[]): boolean {
  return removals.some((one) => one.label === label && one.atS >= before.atS && one.atS <= after.atS);
}
