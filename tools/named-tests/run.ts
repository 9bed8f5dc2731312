import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { REPOSITORY } from "../stack.ts";
import { type NamedTest, titlePattern } from "./page.ts";

const resultsSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

export interface Outcome extends NamedTest {
  /** `missing`: no test of its file has that title. A name that stands for several tests passes when all of them do. */
  outcome: "passed" | "failed" | "missing";
}

/** Runs exactly these tests of one of vitest's projects (unit, contract, e2e). */
export async function runNamed(project: string, tests: readonly NamedTest[]): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), "named-tests-"));
  try {
    const output = join(folder, "results.json");
    const files = [...new Set(tests.map(({ file }) => join("test", file)))];
    const titles = tests.map((test) => titlePattern(test).source).join("|");
    const args = ["run", "--project", project, "--reporter=json", `--outputFile=${output}`, "-t", titles, ...files];
    await execa(join(REPOSITORY, "node_modules/.bin/vitest"), args, {
      cwd: REPOSITORY,
      reject: false,
      stdio: "ignore",
    });
    return outcomesIn(output, tests);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What became of these tests in a run, by what vitest's JSON reporter wrote of it. */
export function outcomesIn(report: string, tests: readonly NamedTest[]): Outcome[] {
  const { testResults } = resultsSchema.parse(JSON.parse(readFileSync(report, "utf8")));
  return tests.map((test) => ({ ...test, outcome: outcomeOf(test, testResults) }));
}

function outcomeOf(test: NamedTest, results: z.output<typeof resultsSchema>["testResults"]): Outcome["outcome"] {
  const pattern = titlePattern(test);
  const found = results
    .filter(({ name }) => name.endsWith(join("test", test.file)))
    .flatMap(({ assertionResults }) => assertionResults.filter(({ fullName }) => pattern.test(fullName)));
  if (found.length === 0) return "missing";
  return found.every(({ status }) => status === "passed") ? "passed" : "failed";
}
