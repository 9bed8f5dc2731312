import { defineConfig } from "vitest/config";

/**
 * On the server a test over HTTP or with an engine has a second try: two busy cores starve one of thousands now and then.
 * What passes by it is named at the end of the log, with what the first try said. Here there is none.
 */
const retry = process.env.CI === "true" ? 1 : 0;

export default defineConfig({
  test: {
    projects: [
      // One kind after the other, the quickest first: an engine at work starves what counts on its time.
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], maxWorkers: 2, sequence: { groupOrder: 0 } } },
      {
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 30_000 } },
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          retry,
        },
      },
      // Each end-to-end file runs a real engine: two cores carry two of them.
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          retry,
        },
      },
    ],
  },
});
