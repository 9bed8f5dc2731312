import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { type CampaignReport, runHere, runSpread, summary } from "./campaign.ts";
import { engineRuns } from "./engine-run.ts";
import type { RunReport } from "./run-log.ts";

interface Options {
  seed: number;
  runs: number;
  from: number;
  engineRuns: number;
  only?: number;
  json?: string;
  verbose: boolean;
}

const program = new Command("npm run test:faults --")
  .description("handlers and the real engine under random faults, market moves and kills; docs/fault-campaign.md")
  .requiredOption("--seed <n>", "every draw follows from it", whole)
  .option("--runs <n>", "runs on the handlers over HTTP", whole, 5000)
  .option("--from <k>", "number of the first of them", whole, 0)
  .option("--engine-runs <n>", "runs on the real engine", whole, 0)
  .option("--only <k>", "repeat this one run on the handlers", whole)
  .option("--verbose", "print what the user would have seen in each run with a violation, and in --only", false)
  .option("--json <file>", "write the figures there")
  .action(campaign);

await program.parseAsync();

async function campaign(options: Options): Promise<void> {
  const { seed, engineRuns: onEngine, json } = options;
  const handlers = await timed("handlers", () => handlerCampaign(options));
  const engine = await timed("real engine", async () => summary(await engineRuns(seed, onEngine, tell(options))));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ seed, handlers, engine }, null, 2)}\n`);
  if (handlers.violations.length + engine.violations.length > 0) process.exitCode = 1;
}

async function handlerCampaign(options: Options): Promise<CampaignReport> {
  const { seed, runs, from, only } = options;
  const indexes = only === undefined ? Array.from({ length: runs }, (_, index) => from + index) : [only];
  if (indexes.length === 0) return summary([]);
  return (only === undefined ? runSpread : runHere)({ seed, indexes, onReport: tell(options) });
}

/** Progress, and every violation at once with all that is needed to look into it. */
function tell({ seed, only, verbose }: Options): (report: RunReport) => void {
  let done = 0;
  return ({ index, steps, violations, messages }) => {
    done += 1;
    if (done % 100 === 0) console.log(`${done} runs`);
    if (only !== undefined && verbose) console.log([...steps, "", ...messages].join("\n"));
    if (violations.length === 0) return;
    console.log(`\nVIOLATION in run ${index} (handlers: repeat with --seed ${seed} --only ${index} --verbose)`);
    console.log(indented([...violations, "", ...steps]));
  };
}

async function timed(
  where: string,
  work: () => Promise<CampaignReport>,
): Promise<CampaignReport & { seconds: number }> {
  const startedMs = performance.now();
  const report = await work();
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  if (report.runs > 0) print(where, report, seconds);
  return { ...report, seconds };
}

function print(where: string, { runs, kinds, violations, unrepaired }: CampaignReport, seconds: number): void {
  console.log(`\n${runs} runs on the ${where} in ${seconds} s; faults and events by kind:`);
  console.log(counted(kinds));
  if (Object.keys(unrepaired).length > 0)
    console.log(`what the one up after the faults had to leave undone, in runs:\n${counted(unrepaired)}`);
  console.log(`violations: ${violations.length}`);
}

function counted(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => `  ${String(count).padStart(6)}  ${name}`).join("\n");
}

function indented(lines: readonly string[]): string {
  return lines.join("\n").replace(/^/gm, "  ");
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("expected a whole number");
  return value;
}
