import { expect, test } from "vitest";
import { without } from "../../../operator/fleet/numbers.ts";

const fleet = (workers: number, absent: number[] = []) => ({
  name: "trainer",
  workers: [],
  config: { workers, absent, worker: "worker", with: {}, overrides: {} },
});
const set = (path: string, value: unknown) => ({ fleet: "trainer", path: [path], value });

test.each([
  ["the last worker goes", fleet(4), [3], [set("workers", 3)]],
  ["one in the middle goes, the others keep their numbers", fleet(4), [1], [set("workers", 3), set("absent", [1])]],
  ["all go, and no number is left out any more", fleet(2, [0]), [1, 2], [set("workers", 0), set("absent", undefined)]],
  ["one goes beside a number that is left out already", fleet(3, [1]), [3], [set("workers", 2)]],
  ["nobody of this fleet goes", fleet(3), [7], []],
])("%s", (_, of, going, edits) => {
  expect(without(of, new Set(going))).toEqual(edits);
});
