import fc from "fast-check";
import { expect, test } from "vitest";
import { workerNumbers } from "../../../provider/fleet/worker-numbers.ts";

test("workers are numbered from 0, and a number that is absent is skipped", () => {
  expect(workerNumbers(3)).toEqual([0, 1, 2]);
  expect(workerNumbers(3, [1])).toEqual([0, 2, 3]);
  expect(workerNumbers(0, [1])).toEqual([]);
});

test("leaving one worker out of a fleet that becomes smaller by one moves no other", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.array(fc.nat(40)), fc.nat(29), (count, absent, which) => {
      const before = workerNumbers(count, absent);
      const gone = before[which % count] as number;
      expect(workerNumbers(count - 1, [...absent, gone])).toEqual(before.filter((number) => number !== gone));
    }),
  );
});
