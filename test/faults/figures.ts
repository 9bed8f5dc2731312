import type { RunReport } from "./run-log.ts";

/** What a campaign came to, or a share of one: shares add up. */
export interface Figures {
  /** Which runs these are. */
  shares: Share[];
  runs: number;
  /** Of wall time; of all shares together, though they ran side by side. */
  seconds: number;
  /** Faults, events and kills that were set, and how often each kind. */
  faults: number;
  kinds: Record<string, number>;
  violations: Violated[];
  /** What the one up after the faults had to leave undone, by reason (blocks.ts), in how many runs. */
  unrepaired: Record<string, number>;
}

export interface Share {
  seed: number;
  from: number;
  runs: number;
}

export interface Violated {
  seed: number;
  index: number;
  violations: string[];
  steps: string[];
  messages: string[];
}

/** The result file: one campaign, or one share of it. */
export interface CampaignFigures {
  handlers: Figures;
  engine: Figures;
}

/** Counted of a run, and no fault of it. */
export const LEFT_TO_RECONCILE = "left to reconcile";
const NO_FAULTS = new Set([LEFT_TO_RECONCILE]);
const NOTHING: Figures = {
  shares: [],
  runs: 0,
  seconds: 0,
  faults: 0,
  kinds: {},
  violations: [],
  unrepaired: {},
};

/** @param share.runs as ordered; every one of them has a report */
export function figuresOf(share: Share, reports: readonly RunReport[], seconds: number): Figures {
  if (reports.length === 0) return NOTHING;
  const figures = reports.map((report) => one(share.seed, report)).reduce(sum, NOTHING);
  return { ...figures, shares: [share], seconds };
}

function one(seed: number, { index, kinds, violations, steps, messages, unrepaired }: RunReport): Figures {
  const faults = Object.entries(kinds).filter(([kind]) => !NO_FAULTS.has(kind));
  return {
    shares: [],
    runs: 1,
    seconds: 0,
    faults: faults.reduce((total, [, count]) => total + count, 0),
    kinds,
    violations: violations.length === 0 ? [] : [{ seed, index, violations, steps, messages }],
    unrepaired: Object.fromEntries(unrepaired.map((reason) => [reason, 1])),
  };
}

export function sumAll(results: readonly CampaignFigures[]): CampaignFigures {
  return {
    handlers: sumShares(results.map(({ handlers }) => handlers)),
    engine: sumShares(results.map(({ engine }) => engine)),
  };
}

/** @throws Error when two shares have a run in common: a figure counts each once */
function sumShares(figures: readonly Figures[]): Figures {
  const total = figures.reduce(sum, NOTHING);
  for (const [at, a] of total.shares.entries())
    for (const b of total.shares.slice(at + 1))
      if (a.seed === b.seed && a.from < b.from + b.runs && b.from < a.from + a.runs)
        throw new Error(`runs of seed ${a.seed} are in two of these files: from ${a.from} and from ${b.from}`);
  return total;
}

function sum(a: Figures, b: Figures): Figures {
  return {
    shares: [...a.shares, ...b.shares],
    runs: a.runs + b.runs,
    seconds: a.seconds + b.seconds,
    faults: a.faults + b.faults,
    kinds: added(a.kinds, b.kinds),
    violations: [...a.violations, ...b.violations],
    unrepaired: added(a.unrepaired, b.unrepaired),
  };
}

function added(a: Record<string, number>, b: Record<string, number>): Record<string, number> {
  const sums = { ...a };
  for (const [name, count] of Object.entries(b)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
