import { writeFileSync } from "node:fs";
import { ROOT } from "../../tools/s3.ts";
import { type Night, night } from "../nights/night.ts";

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
  const results: { seed: number; monitored: Night; alone: Night }[] = [];
  for (let index = 0; index < count; index += 1) {
    const result = {
      seed: seed + index,
      monitored: await night({ seed: seed + index, monitored: true }),
      alone: await night({ seed: seed + index, monitored: false }),
    };
    results.push(result);
    console.log(row(result));
  }
  if (json !== undefined) writeFileSync(json, JSON.stringify(results, null, 2));
}

function row({ seed, monitored, alone }: { seed: number; monitored: Night; alone: Night }): string {
  const slow = monitored.recoveries.filter(
    ({ seconds, targetS }) => targetS !== undefined && !(Number(seconds) <= targetS),
  );
  const percent = (night: Night) => `${(night.presence * 100).toFixed(1)} %`;
  const perHour = (night: Night) => `$${(night.cost / night.workerHours).toFixed(3)}`;
  return [
    `night ${seed}: workers there ${percent(monitored)} (alone ${percent(alone)})`,
    `a worker hour ${perHour(monitored)} (alone ${perHour(alone)})`,
    `${monitored.rentals} rentals`,
    `recoveries over target ${slow.length} of ${monitored.recoveries.length}`,
    `checkpoints lost ${monitored.checkpointsLost.length}`,
    `duplicates ${monitored.duplicateRentals.length}`,
    `repairs ${JSON.stringify(monitored.repairs)}`,
  ].join("; ");
}
