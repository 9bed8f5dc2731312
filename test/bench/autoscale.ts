import { writeFileSync } from "node:fs";
import type { FleetPolicy } from "../../operator/autoscale/policy.ts";
import { reportOf } from "../../operator/report/figures.ts";
import { page } from "../../operator/report/page.ts";
import { type Sample, scalingWeek } from "../support/scaling-week.ts";

/** The policy of the simulated week, also of the test that judges it. */
export const WEEK_POLICY: FleetPolicy = {
  queue: { http: "http://127.0.0.1/", path: "depth", headers: {} },
  itemsPerWorker: 60,
  min: 1,
  max: 8,
  budget: { daily: 24, monthly: 110 },
  cooldownMinutes: { up: 20, down: 40 },
  stepUp: 4,
  stepDown: 2,
  removeBusy: false,
  idleBelowUtil: 5,
  idleMinutes: 10,
  lookAheadMinutes: 60,
  windows: [{ from: "22:00", to: "06:00", max: 12 }],
  timezone: "UTC",
};
export const WEEK = { days: 7, checkEveryS: 900, itemsPerHour: 90, maxDph: 0.6, chargesLagS: 6 * 3600 };

const PRINTED_EVERY = 12;

interface Options {
  seed: number;
  json?: string;
  html?: string;
}

export async function autoscaleWeek({ seed, json, html }: Options): Promise<void> {
  const startedMs = performance.now();
  const observed = html === undefined ? {} : { noteEveryS: 1800, crashEveryS: 20 * 3600 };
  const week = await scalingWeek({ policy: WEEK_POLICY, seed, ...WEEK, ...observed });
  const seconds = (performance.now() - startedMs) / 1000;
  for (const sample of week.samples.filter((_, index) => index % PRINTED_EVERY === 0)) console.log(lineOf(sample));
  const { min, max, budget } = WEEK_POLICY;
  const sizes = week.samples.map(({ size }) => size);
  const changes = week.samples.filter(({ target, size }) => target !== size);
  console.log(`\nsize ${Math.min(...sizes)} to ${Math.max(...sizes)} (bounds ${min}-${max}, at night 12)`);
  console.log(`USD by day: ${week.usdByDay.map((usd) => usd.toFixed(2)).join(", ")} (budget ${budget.daily})`);
  console.log(`USD in all: ${week.totalUsd.toFixed(2)} (budget ${budget.monthly})`);
  console.log(`items: ${Math.round(week.itemsDone)} of ${week.itemsIn} done; rentals: ${week.rentals}`);
  console.log(`changes of size: ${changes.length}, for a budget: ${changes.filter(forBudget).length}`);
  console.log(`${seconds.toFixed(0)} s for ${WEEK.days} virtual days`);
  if (html !== undefined) writeFileSync(html, page(reportOf(week.material)));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ seed, seconds, ...week }, null, 2)}\n`);
}

const forBudget = ({ heldBy }: Sample): boolean => heldBy.includes("budget");

function lineOf({ atS, queue, size, target, dph, heldBy }: Sample): string {
  const at = new Date(atS * 1000).toISOString().slice(0, 16);
  return `${at}  queue ${String(queue ?? "?").padStart(5)}  $${dph.toFixed(2)}/h  ${"#".repeat(size).padEnd(12)} → ${target} ${heldBy.join(" ")}`;
}
