import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { Stryker } from "@stryker-mutator/core";
import { Command, InvalidArgumentError } from "commander";
import { rules } from "../../policies/rules.ts";
import { justified } from "./justified.ts";
import { options } from "./options.ts";
import { judge, type Mutant } from "./verdict.ts";

type Result = Awaited<ReturnType<Stryker["runMutationTest"]>>[number];

interface Given {
  only?: string[];
  incremental: boolean;
  concurrency: number;
}

const program = new Command("npm run test:mutation --")
  .description(
    "changes the policies in every way StrykerJS knows; shows what no test notices; docs/mutation-testing.md",
  )
  .option("--only <glob...>", "mutate only these files, e.g. 'policies/cost/*.ts'")
  .option("--incremental", "begin with the results of the last such run, and try what changed since", false)
  .option("--concurrency <n>", "processes that run tests", atLeastOne, options.concurrency)
  .action(run);

await program.parseAsync();

async function run({ only, ...given }: Given): Promise<void> {
  const results = await new Stryker({ ...options, ...given, mutate: only ?? options.mutate }).runMutationTest();
  const { mutants, open, justified: allowed, stale } = judge(results.map(mutantOf), justified);
  for (const { file, line, code, original, replacement } of open) {
    console.log(`\nSURVIVED ${file}:${line}\n  ${code}\n- ${original}\n+ ${replacement}`);
  }
  for (const { file, original, replacement } of stale) {
    console.log(`\nJUSTIFIED IN VAIN ${file} (test/mutation/justified.ts)\n- ${original}\n+ ${replacement}`);
  }
  if (open.length + stale.length > 0) process.exitCode = 1;
  console.log(`\n${rules.length} rules, ${mutants} mutants, ${open.length} survivors (${allowed} justified)`);
}

function mutantOf({ fileName, location: { start, end }, replacement, status }: Result): Mutant {
  const lines = readFileSync(fileName, "utf8").split("\n");
  const all = lines.slice(start.line - 1, end.line);
  const after = (all.at(-1) ?? "").length - (end.column - 1);
  const original = all.join("\n").slice(start.column - 1, after === 0 ? undefined : -after);
  return {
    file: relative(process.cwd(), fileName),
    line: start.line,
    code: (all[0] ?? "").trim(),
    original,
    replacement,
    hasSurvived: status === "Survived" || status === "NoCoverage",
  };
}

function atLeastOne(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number from 1");
  return value;
}
