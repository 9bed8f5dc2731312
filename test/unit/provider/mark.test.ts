import fc from "fast-check";
import { expect, test } from "vitest";
import {
  MARK_VARIABLE,
  makeMark,
  markedVolumeName,
  markOf,
  parseVolumeName,
  rowsWithMark,
  stackMarkPrefix,
} from "../../../provider/lifecycle/mark.ts";
import { instanceRow, markedRow } from "../../support/rows.ts";

const identity = { project: "trainer", stack: "dev", owner: "a1b2", name: "Instance/worker-0" };

test("a resource has the same mark in every run", () => {
  expect(makeMark(identity)).toBe(makeMark({ ...identity }));
  expect(makeMark(identity)).toMatch(/^[0-9a-f]{32}$/);
});

test("a mark differs for another project, stack, owner or name", () => {
  const marks = [identity, ...Object.keys(identity).map((part) => ({ ...identity, [part]: "other" }))].map(makeMark);
  expect(new Set(marks).size).toBe(5);
});

test("marks of one stack begin alike, and those of any other project, stack or owner do not", () => {
  const ours = stackMarkPrefix(identity);
  expect(ours).toMatch(/^[0-9a-f]{12}$/);
  expect(makeMark(identity).startsWith(ours)).toBe(true);
  expect(makeMark({ ...identity, name: "Volume/worker-0-data" }).startsWith(ours)).toBe(true);
  const others = ["project", "stack", "owner"].map((part) => makeMark({ ...identity, [part]: "other" }));
  expect(others.filter((mark) => mark.startsWith(ours))).toEqual([]);
});

test("parts that only look alike when they are put together make different marks", () => {
  const word = fc.stringMatching(/^[a-z0-9/_.-]{1,6}$/);
  const any = fc.record({ project: word, stack: word, owner: word, name: word });
  fc.assert(
    fc.property(any, any, (a, b) => {
      fc.pre(JSON.stringify(a) !== JSON.stringify(b));
      expect(makeMark(a)).not.toBe(makeMark(b));
    }),
  );
});

test("the mark is read from a contract's environment, not from its label", () => {
  expect(markOf(markedRow(1, "m", { label: "renamed" }))).toBe("m");
  expect(markOf(instanceRow({ label: "m", extra_env: [["X", "m"]] }))).toBeUndefined();
});

test("contracts with a mark come oldest first, so that everybody keeps the same one of two", () => {
  const rows = [markedRow(9, "m"), markedRow(3, "m"), markedRow(1, "other"), instanceRow({ id: 2 })];
  const found = rowsWithMark(new Map(rows.map((row) => [row.id, row])), "m");
  expect(found.map(({ id }) => id)).toEqual([3, 9]);
  expect(found[0]?.extra_env[0]?.[0]).toBe(MARK_VARIABLE);
});

test("a volume's name carries its stack and resource, and is never longer than the service takes", () => {
  const longest = "v".repeat(40);
  const mark = makeMark(identity);
  const name = markedVolumeName(longest, mark);
  expect(name).toMatch(/^[A-Za-z0-9_]{1,64}$/);
  const read = parseVolumeName(name);
  expect(read?.name).toBe(longest);
  expect(read?.mark.startsWith(stackMarkPrefix(identity))).toBe(true);
  expect(mark.startsWith(read?.mark ?? "?")).toBe(true);
  const sibling = makeMark({ ...identity, name: "Volume/other" });
  expect(markedVolumeName(longest, sibling)).not.toBe(name);
});

test.each([null, undefined, "", "data", "data_0123", "_0123456789abcdef0123456", "data_0123456789ABCDEF0123456"])(
  "a volume named %j is not taken for ours",
  (label) => {
    expect(parseVolumeName(label)).toBeUndefined();
  },
);
