import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { runHere } from "./campaign.ts";
import { engineRuns } from "./engine-run.ts";
import { type CampaignFigures, type Figures, figuresOf, type Share, sumAll } from "./figures.ts";
import type { RunReport } from "./run-log.ts";
import { runSpread } from "./spread.ts";

interface Options {
  seed: number;
  runs: number;
  from: number;
  shards: number;
  engineRuns: number;
  engineFrom: number;
  only?: number;
  json?: string;
  verbose: boolean;
}

const program = new Command("npm run test:faults --").description(
  "handlers and the real engine under random faults, market moves and kills; docs/fault-campaign.md",
);

program
  .command("run", { isDefault: true })
  .description("run a campaign, or a share of one")
  .requiredOption("--seed <n>", "every draw follows from it", whole)
  .option("--runs <n>", "runs on the handlers over HTTP", whole, 5000)
  .option("--from <k>", "number of the first of them", whole, 0)
  .option("--shards <n>", "processes they are spread over", whole, availableParallelism())
  .option("--engine-runs <n>", "runs on the real engine, one after the other", whole, 0)
  .option("--engine-from <k>", "number of the first of them", whole, 0)
  .option("--only <k>", "repeat this one run on the handlers", whole)
  .option("--verbose", "print what the user would have seen in --only", false)
  .option("--json <file>", "write the figures there")
  .action(campaign);

program
  .command("sum")
  .description("add up what the shares of a campaign wrote with --json")
  .argument("<files...>")
  .option("--json <file>", "write the sum there")
  .action((files: string[], { json }: { json?: string }) => {
    finish(sumAll(files.map((file) => JSON.parse(readFileSync(file, "utf8")) as CampaignFigures)), json);
  });

await program.parseAsync();

async function campaign(options: Options): Promise<void> {
  const { seed, only, shards, engineRuns: onEngine, engineFrom, json } = options;
  const ordered = { seed, from: only ?? options.from, runs: only === undefined ? options.runs : 1 };
  const handlers = await timed(ordered, () => {
    const indexes = Array.from({ length: ordered.runs }, (_, at) => ordered.from + at);
    if (indexes.length === 0) return Promise.resolve([]);
    const order = { seed, indexes, onReport: tell(options, "--only") };
    return only === undefined ? runSpread(order, Math.max(1, shards)) : runHere(order);
  });
  const asked = { seed, from: engineFrom, runs: onEngine };
  const engine = await timed(asked, () => engineRuns(asked, tell(options, "--runs 0 --engine-runs 1 --engine-from")));
  finish({ handlers, engine }, json);
}

async function timed(share: Share, work: () => Promise<RunReport[]>): Promise<Figures> {
  const startedMs = performance.now();
  const reports = await work();
  return figuresOf(share, reports, Math.round((performance.now() - startedMs) / 1000));
}

/** Progress, and every violation at once with all that is needed to look into it. */
function tell({ seed, only, verbose }: Options, again: string): (report: RunReport) => void {
  let done = 0;
  return ({ index, steps, violations, messages }) => {
    done += 1;
    if (done % 100 === 0) console.log(`${done} runs`);
    if (only !== undefined && verbose) console.log([...steps, "", ...messages].join("\n"));
    if (violations.length === 0) return;
    console.log(`\nVIOLATION in run ${index} (repeat with --seed ${seed} ${again} ${index})`);
    console.log(indented([...violations, "", ...steps]));
  };
}

function finish(figures: CampaignFigures, json: string | undefined): void {
  print("handlers", figures.handlers);
  print("real engine", figures.engine);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(figures, null, 2)}\n`);
  if (figures.handlers.violations.length + figures.engine.violations.length > 0) process.exitCode = 1;
}

function print(where: string, { shares, runs, seconds, faults, kinds, violations, unrepaired }: Figures): void {
  if (runs === 0) return;
  const numbers = shares.map(({ seed, from, runs: many }) => `seed ${seed}: ${from} to ${from + many - 1}`);
  console.log(`\n${runs} runs on the ${where} in ${seconds} s (${numbers.join("; ")})`);
  console.log(`${faults} faults and events:\n${counted(kinds)}`);
  if (Object.keys(unrepaired).length > 0)
    console.log(`what the one up after the faults had to leave undone, in runs:\n${counted(unrepaired)}`);
  const which = violations.map(({ seed, index }) => `${seed}/${index}`);
  console.log(`runs with a violation: ${violations.length}${which.length > 0 ? ` (${which.join(", ")})` : ""}`);
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
