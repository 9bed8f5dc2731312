import type { RandomStream } from "./random.ts";

const GAMES_PER_BATCH = 256;
const EXAMPLES_PER_BATCH = 7168;
const SETUP_STEP = 142;

/** What a self-play worker prints before its first batch. */
export function setupLines(worker: string, gpu: string, now: number): string[] {
  const at = `${new Date(now * 1000).toUTCString().replace(",", "").replace("GMT", "UTC")}`;
  return [
    `=== Setup started at ${at} ===`,
    "git installed",
    "repo cloned",
    "deps installed",
    `GPU OK: NVIDIA GeForce ${gpu}`,
    `=== Starting worker ${worker} at ${at} ===`,
    `  Model loaded (step ${SETUP_STEP}), 557,186 params`,
    "Creating self-play pipeline...",
    "Pipeline created in 8.3s",
    "",
    `Worker ${worker} starting`,
  ];
}

export function batchLine(worker: string, batch: number, draw: RandomStream): string {
  const rate = draw.between(1.2, 1.8).toFixed(1);
  const games = batch * GAMES_PER_BATCH;
  return `[${worker}] batch ${batch}: ${EXAMPLES_PER_BATCH} examples, ${rate} games/s, step=${SETUP_STEP}, total_games=${games}`;
}
