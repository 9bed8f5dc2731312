import { writeFileSync } from "node:fs";
import { usd } from "pulumi-vast/internal/fleet/place";
import { ROOT } from "../../tools/s3.ts";
import { type Recovery, TARGETS_S } from "../nights/judge.ts";
import { type Night, night } from "../nights/night.ts";

interface Nights {
  seed: number;
  monitored: Night;
  /** The same night, and nobody who watches. */
  alone: Night;
}

interface Options {
  nights: number;
  seed: number;
  json?: string;
}

/** Nights by seed, each once with the monitor and once without: what it saves, and what it costs. */
export async function nights({ nights: count, seed, json }: Options): Promise<void> {
  // The fleet's own way to its bucket.
  process.env.AWS_ACCESS_KEY_ID = ROOT.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = ROOT.secretAccessKey;
  const results: Nights[] = [];
  for (let index = 0; index < count; index += 1) {
    const result = {
      seed: seed + index,
      monitored: await night({ seed: seed + index, monitored: true }),
      alone: await night({ seed: seed + index, monitored: false }),
    };
    results.push(result);
    console.log(report(result));
  }
  if (json !== undefined) writeFileSync(json, JSON.stringify(results, null, 2));
}

function report({ seed, monitored, alone }: Nights): string {
  const { recoveries, repairs, missed, fewest } = monitored;
  const slow = recoveries.filter(({ seconds = Number.POSITIVE_INFINITY, targetS }) => seconds > (targetS ?? Infinity));
  return [
    `night ${seed}`,
    `  workers, fewest in each ten minutes: ${fewest.join("")}; alone: ${alone.fewest.join("")}`,
    `  workers there: ${percent(monitored)}; alone: ${percent(alone)}`,
    `  recoveries: ${recoveries.map(spoken).join(", ")}; over target: ${slow.length}; struck nothing: ${missed.length}`,
    `  all killed within ${Math.ceil(monitored.killedInS)} s (target ${TARGETS_S.billing})`,
    `  repairs: ${Object.entries(repairs)
      .map(([cause, times]) => `${times} ${cause}`)
      .join(", ")}; rentals: ${monitored.rentals}`,
    `  checkpoints lost: ${monitored.checkpointsLost.length}; duplicate rentals: ${monitored.duplicateRentals.length}`,
    `  ${usd(monitored.cost)} for ${monitored.workerHours.toFixed(1)} worker hours, ${perHour(monitored)} each; alone: ${usd(alone.cost)} for ${alone.workerHours.toFixed(1)}, ${perHour(alone)} each`,
  ].join("\n");
}

const percent = ({ presence }: Night) => `${(presence * 100).toFixed(1)} %`;
const perHour = ({ cost, workerHours }: Night) => `$${(cost / workerHours).toFixed(3)}`;

function spoken({ kind, seconds, targetS }: Recovery): string {
  const target = targetS === undefined ? "" : ` of ${targetS}`;
  return `${kind} ${seconds === undefined ? "never" : Math.round(seconds)}${target} s`;
}
