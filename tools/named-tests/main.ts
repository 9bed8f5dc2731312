import { readFileSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import { Command } from "commander";
import { REPOSITORY } from "../stack.ts";
import { type NamedTest, rowsOf } from "./page.ts";
import { type Outcome, outcomesIn, runNamed } from "./run.ts";

const PROJECTS = ["unit", "contract", "e2e"];

interface Options {
  page: string;
  project: string[];
  results?: string;
  json?: boolean;
}

await new Command("npm run -s field:check --")
  .description("run exactly the tests that a page of the documentation names, and tell which rows they leave uncovered")
  .option("--page <file>", "the page with the table", "docs/field.md")
  .option("--project <names>", "only tests of these projects, e.g. unit,contract (no engine)", list, PROJECTS)
  .option("--results <file>", "run nothing: take what vitest's JSON reporter wrote of a run of all tests")
  .option("--json", "every row with its tests and their outcomes")
  .action(check)
  .parseAsync();

async function check({ page, project: projects, results, json }: Options): Promise<void> {
  const rows = rowsOf(readFileSync(join(REPOSITORY, page), "utf8"));
  const outcomes = new Map<string, Outcome>();
  const counts: string[][] = [];
  for (const project of projects) {
    const tests = distinct(rows.flatMap((row) => row.tests)).filter(({ file }) => file.startsWith(`${project}/`));
    if (tests.length === 0) continue;
    const done = results === undefined ? await runNamed(project, tests) : outcomesIn(results, tests);
    for (const outcome of done) outcomes.set(keyOf(outcome), outcome);
    const count = (wanted: Outcome["outcome"]) => String(done.filter(({ outcome }) => outcome === wanted).length);
    counts.push([project, String(done.length), count("passed"), count("failed"), count("missing")]);
  }
  const checked = rows.map(({ number, tests }) => ({
    row: number,
    tests: tests.map((test) => outcomes.get(keyOf(test)) ?? { ...test, outcome: "not run" }),
  }));
  const bad = [...outcomes.values()].filter(({ outcome }) => outcome !== "passed");
  const bare = rows.filter(({ tests }) => tests.length === 0).map(({ number }) => number);
  if (json) process.stdout.write(`${JSON.stringify(checked, null, 2)}\n`);
  else print(counts, { rows: rows.length, bad, bare });
  process.exitCode = bad.length + bare.length === 0 ? 0 : 1;
}

function print(counts: string[][], { rows, bad, bare }: { rows: number; bad: Outcome[]; bare: number[] }): void {
  const table = new Table({
    head: ["Project", "Tests", "Passed", "Failed", "Missing"],
    style: { head: [], border: [] },
  });
  table.push(...counts);
  console.log(table.toString());
  for (const { outcome, file, name } of bad) console.log(`${outcome}: ${file}: "${name}"`);
  console.log(`${rows} rows, ${bare.length === 0 ? "each with a test" : `without a test: ${bare.join(", ")}`}.`);
}

function distinct(tests: readonly NamedTest[]): NamedTest[] {
  return [...new Map(tests.map((test) => [keyOf(test), test])).values()];
}

function keyOf({ file, name }: NamedTest): string {
  return `${file}: ${name}`;
}

function list(text: string): string[] {
  return text.split(",");
}
