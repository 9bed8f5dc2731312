import { expect, test } from "vitest";
import { engineRuns } from "../faults/engine-run.ts";

test("the real engine under faults and kills loses nothing and forgets nothing (2 seeded runs)", async () => {
  const reports = await engineRuns({ seed: 11, from: 0, runs: 2 });
  expect(reports.flatMap(({ index, violations }) => violations.map((found) => ({ index, found })))).toEqual([]);
  expect(reports).toHaveLength(2);
});
