import type { FleetPolicy } from "./policy.ts";

const DAY_S = 86_400;

export interface Means {
  nowS: number;
  /** USD/h of each worker there is, the one to keep longest first. */
  dphs: readonly number[];
  /** USD/h of one more. */
  newWorkerDph: number;
  min: number;
  max: number;
  /** USD so far. */
  spent: { day: number; month: number };
}

/** How many workers each budget can bear, and which one says so. */
export interface Allowance {
  workers: number;
  /** e.g. "daily budget $20.00, $18.40 spent"; undefined where no budget is the limit. */
  reason: string | undefined;
}

/**
 * The largest fleet that cannot outspend a budget before it is looked at again: everybody's price until `lookAhead`, on top
 * of what is spent. Workers beyond `min` have to leave enough for `min` to go on until the day is over.
 */
export function budgetAllowance(policy: FleetPolicy, means: Means): Allowance {
  const { daily, monthly } = policy.budget;
  // For the rest of a month nothing is set aside: days that need much would starve for days that may need nothing.
  const spans = [
    { name: "daily", usd: daily, spent: means.spent.day, endS: nextDay(means.nowS) },
    { name: "monthly", usd: monthly, spent: means.spent.month, endS: means.nowS },
  ];
  return spans.reduce<Allowance>(
    (least, { name, usd, spent, endS }) => {
      if (usd === undefined) return least;
      const workers = affordable(usd, spent, (endS - means.nowS) / 3600, policy.lookAheadMinutes / 60, means);
      const reason = `${name} budget $${usd.toFixed(2)}, $${spent.toFixed(2)} spent`;
      return workers < least.workers ? { workers, reason } : least;
    },
    { workers: Math.max(means.max, means.dphs.length), reason: undefined },
  );
}

function affordable(budget: number, spent: number, hoursLeft: number, lookAheadH: number, means: Means): number {
  const most = Math.max(means.max, means.dphs.length);
  const cost = (from: number, to: number) => {
    let sum = 0;
    for (let index = from; index < to; index += 1) sum += means.dphs[index] ?? means.newWorkerDph;
    return sum;
  };
  const left = budget - spent;
  const fits = (workers: number) => {
    // What is still there when the next day begins counts on that day's budget.
    if (cost(0, workers) * lookAheadH > Math.min(left, budget)) return false;
    const extra = cost(means.min, workers) * lookAheadH;
    return workers <= means.min || cost(0, means.min) * hoursLeft + extra <= left;
  };
  for (let workers = most; workers > 0; workers -= 1) if (fits(workers)) return workers;
  return 0;
}

function nextDay(nowS: number): number {
  return (Math.floor(nowS / DAY_S) + 1) * DAY_S;
}
