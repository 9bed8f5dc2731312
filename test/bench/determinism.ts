import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atMost, conclude, machine, table } from "./figures.ts";
import { errorsIn } from "./log-errors.ts";
import { countKinds, type Days, firstDifference, liveThrough, SCRIPT_START } from "./scripted-days.ts";
import { startSimulatorProcess } from "./simulator-process.ts";

export interface DeterminismOptions {
  days: number;
  seed: number;
  offers: number;
  json?: string;
}

const KINDS_SHOWN = 24;

export async function determinism(options: DeterminismOptions): Promise<void> {
  const runs = [await run(options), await run(options)] as const;
  const [first, second] = runs;
  table(
    ["run", "events", "bill $", "wall s", "sha256 of the event log"],
    runs.map(({ events, billUsd, wallS, hash }, index) => [index + 1, events.length, billUsd.toFixed(6), wallS, hash]),
  );
  const kinds = Object.entries(countKinds(first.events)).sort(([, a], [, b]) => b - a);
  console.log(
    kinds
      .slice(0, KINDS_SHOWN)
      .map(([kind, times]) => `${kind} ${times}`)
      .join(", "),
  );
  const index = firstDifference(first.events, second.events);
  if (index !== undefined) {
    console.log(`they part at event ${index + 1}:`);
    for (const { events } of runs) console.log(`  ${JSON.stringify(events[index])}`);
  }
  const errors = runs.flatMap((one) => one.errors);
  for (const line of errors.slice(0, 5)) console.log(line.slice(0, 600));
  const differing = first.hash === second.hash && first.billUsd === second.billUsd ? 0 : 1;
  const summary = runs.map(({ events, ...rest }) => ({ events: events.length, ...rest }));
  const { load1: _, ...host } = machine();
  const { json, ...settings } = options;
  conclude(
    { bench: "determinism", options: settings, host, runs: summary, kinds: Object.fromEntries(kinds) },
    [atMost("differing runs", differing, 0), atMost("errors", errors.length, 0)],
    json,
  );
}

interface Run extends Days {
  wallS: number;
  errors: string[];
}

async function run({ days, seed, offers }: DeterminismOptions): Promise<Run> {
  const startedMs = performance.now();
  const dir = mkdtempSync(join(tmpdir(), "vast-determinism-"));
  const log = join(dir, "simulator.log");
  try {
    const outcome = await lived(days, {
      "--paused": true,
      "--start-at": SCRIPT_START,
      "--seed": seed,
      "--offers": offers,
      "--market": "live",
      "--credit": 1e5,
      "--no-rate-limits": true,
      // Which ports are free is up to the machine, not to the seed.
      "--no-ssh": true,
      "--log": log,
    });
    return { ...outcome, errors: await errorsIn(log), wallS: Math.round((performance.now() - startedMs) / 1000) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function lived(days: number, flags: Parameters<typeof startSimulatorProcess>[0]): Promise<Days> {
  await using simulator = await startSimulatorProcess(flags);
  return await liveThrough(simulator, days);
}
