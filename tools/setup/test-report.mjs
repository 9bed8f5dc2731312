// @ts-check
// Reads vitest's JSON report and ends with a line like "12 passed, 0 failed". Fails when a test failed or none ran.
//
//   node tools/setup/test-report.mjs <report.json>

import { existsSync, readFileSync } from "node:fs";

/** @param {{testResults: {status: string, assertionResults: {status: string}[]}[]}} report */
export function countTests({ testResults }) {
  const statuses = testResults.flatMap(({ status, assertionResults }) => {
    const own = assertionResults.map((test) => test.status);
    // A file that fails before or after its tests (it does not load, its clean-up throws) has no failed test to show.
    return status === "failed" && !own.includes("failed") ? [...own, "failed"] : own;
  });
  const passed = statuses.filter((status) => status === "passed").length;
  const failed = statuses.filter((status) => status === "failed").length;
  return { passed, failed, skipped: statuses.length - passed - failed };
}

if (import.meta.filename === process.argv[1]) {
  const file = process.argv[2] ?? "";
  const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
  if (!report) console.log("The tests left no report: they did not run, or not to the end.");
  const { passed, failed, skipped } = report ? countTests(report) : { passed: 0, failed: 1, skipped: 0 };
  if (skipped > 0) console.log(`${skipped} tests were skipped.`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
