import type { Stryker } from "@stryker-mutator/core";

const DIR = ".local/mutation";

/** What the tests of the packs read; the rest of the checkout is not copied. */
const SANDBOX = [
  "package.json",
  "policies",
  "provider",
  "stacks/budgets.yaml",
  "docs/policies.md",
  "tools/reference",
  "test/unit/policies",
  "test/support/policy-violations.ts",
  "test/e2e/preview-report.test.ts",
  "test/mutation",
];

/**
 * All of StrykerJS's mutators on every file of the packs but those that serve a pack to the engine in a process of its
 * own, which is what the end-to-end tests run: `open-pack.mjs`, `lean-sdk.mts`, `pack.mts` and each `index.mjs`.
 */
export const options: ConstructorParameters<typeof Stryker>[0] = {
  mutate: ["policies/**/*.ts"],
  ignorePatterns: ["**", ...SANDBOX.flatMap((path) => [`!${path}`, `!${path}/**`]), "**/node_modules"],
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts" },
  coverageAnalysis: "perTest",
  // A loop without an end is seen by its count; on a machine with other work, a short time would take slow for killed.
  timeoutMS: 120_000,
  concurrency: 2,
  tempDirName: `${DIR}/sandbox`,
  incrementalFile: `${DIR}/incremental.json`,
  jsonReporter: { fileName: `${DIR}/report.json` },
  htmlReporter: { fileName: `${DIR}/report.html` },
  reporters: ["html", "json", "progress-append-only"],
};
