import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { type CampaignReport, runHere, runSpread } from "./campaign.ts";

interface Options {
  seed: number;
  runs: number;
  engineRuns: number;
  only?: number;
  json?: string;
  verbose: boolean;
}

const program = new Command("npm run test:faults --")
  .description("handlers and the real engine under random faults, market moves and kills; docs/fault-campaign.md")
  .requiredOption("--seed <n>", "every draw follows from it", whole)
  .option("--runs <n>", "runs on the handlers over HTTP", whole, 5000)
  .option("--engine-runs <n>", "runs on the real engine", whole, 0)
  .option("--only <k>", "repeat this one run on the handlers", whole)
  .option("--verbose", "print what the user would have seen in each run with a violation, and in --only", false)
  .option("--json <file>", "write the figures there")
  .action(campaign);

await program.parseAsync();

async function campaign({ seed, runs, only, json, verbose }: Options): Promise<void> {
  const startedMs = performance.now();
  const indexes = only === undefined ? Array.from({ length: runs }, (_, index) => index) : [only];
  let done = 0;
  const run = only === undefined ? runSpread : runHere;
  const report = await run({
    seed,
    indexes,
    onReport: ({ index, steps, violations, messages }) => {
      done += 1;
      if (done % 250 === 0) console.log(`${done} of ${indexes.length} runs`);
      if (only !== undefined && verbose) console.log([...steps, "", ...messages].join("\n"));
      if (violations.length === 0) return;
      console.log(
        `\nVIOLATION in run ${index} (repeat: npm run test:faults -- --seed ${seed} --only ${index} --verbose)`,
      );
      console.log(indented([...violations, "", ...steps]));
    },
  });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  print(report, seconds);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ seed, handlers: { ...report, seconds } }, null, 2)}\n`);
  if (report.violations.length > 0) process.exitCode = 1;
}

function print({ runs, kinds, violations, unrepaired }: CampaignReport, seconds: number): void {
  const sorted = Object.entries(kinds).sort(([, a], [, b]) => b - a);
  console.log(`\n${runs} runs on the handlers in ${seconds} s; faults and events by kind:`);
  for (const [kind, count] of sorted) console.log(`  ${String(count).padStart(6)}  ${kind}`);
  console.log(`${unrepaired} runs whose one up after the faults could not do everything`);
  console.log(`violations: ${violations.length}`);
}

function indented(lines: readonly string[]): string {
  return lines.join("\n").replace(/^/gm, "  ");
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("expected a whole number");
  return value;
}
