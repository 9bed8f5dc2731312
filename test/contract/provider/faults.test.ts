import { expect, test } from "vitest";
import { runHere } from "../../faults/campaign.ts";

// `npm run test:faults -- --seed 11 --only K --verbose` repeats one of them.
test("whatever fails on the way, nothing is lost, forgotten or rented twice (150 seeded runs)", async () => {
  const indexes = Array.from({ length: 150 }, (_, index) => index);
  const reports = await runHere({ seed: 11, indexes });
  expect(reports.flatMap(({ index, violations }) => violations.map((found) => ({ index, found })))).toEqual([]);
  expect(reports).toHaveLength(150);
}, 600_000);
