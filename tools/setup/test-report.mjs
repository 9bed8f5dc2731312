// @ts-check
// Reads vitest's JSON report, names the tests that failed with what each said (a log is often kept from its end only), and
// ends with a line like "12 passed, 0 failed". Fails when a test failed or none ran.
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

/**
 * Passed on a second try, with what the first one said: nothing to stop a landing for, and something to look into.
 *
 * @param {{testResults: {name: string, assertionResults: {status: string, fullName: string, failureMessages?: string[]}[]}[]}} report
 */
export function unsteadyTests({ testResults }) {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status, failureMessages }) => status === "passed" && (failureMessages ?? []).length > 0)
      .map(({ fullName, failureMessages }) => said(`${name}: ${fullName}`, (failureMessages ?? []).join("\n"))),
  );
}

/** Of its beginning and of its end: what was expected is said at one of them, what happened last at the other. */
const LINES_OF_A_MESSAGE = 15;

/** @param {{testResults: {name: string, status: string, message?: string, assertionResults: {status: string, fullName: string, failureMessages?: string[]}[]}[]}} report */
export function failedTests({ testResults }) {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (status !== "failed" || failed.length > 0) {
      return failed.map(({ fullName, failureMessages }) =>
        said(`${name}: ${fullName}`, (failureMessages ?? []).join("\n")),
      );
    }
    return [said(name, message ?? "failed outside its tests")];
  });
}

/** @param {string} what @param {string} message */
function said(what, message) {
  const all = message.split("\n");
  const isLong = all.length > 2 * LINES_OF_A_MESSAGE;
  const lines = isLong ? [...all.slice(0, LINES_OF_A_MESSAGE), "…", ...all.slice(-LINES_OF_A_MESSAGE)] : all;
  return [what, ...lines.map((line) => `    ${line}`)].join("\n");
}

if (import.meta.filename === process.argv[1]) {
  const file = process.argv[2] ?? "";
  const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
  if (!report) console.log("The tests left no report: they did not run, or not to the end.");
  const { passed, failed, skipped } = report ? countTests(report) : { passed: 0, failed: 1, skipped: 0 };
  for (const one of report ? unsteadyTests(report) : []) console.log(`PASSED ON A SECOND TRY ${one}`);
  for (const one of report ? failedTests(report) : []) console.log(`FAILED ${one}`);
  if (skipped > 0) console.log(`${skipped} tests were skipped.`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
