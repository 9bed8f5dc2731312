import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rowsOf, titlePattern } from "../../tools/named-tests/page.ts";

const ROWS = rowsOf(readFileSync(join(import.meta.dirname, "../../docs/field.md"), "utf8"));
const TESTS = join(import.meta.dirname, "..");

test("each script, command and rule of the field's documents has its row, and at least one test", () => {
  expect(ROWS.map(({ number }) => number)).toEqual(Array.from({ length: ROWS.length }, (_, index) => index + 1));
  expect(ROWS.length).toBeGreaterThanOrEqual(100);
  expect(ROWS.filter(({ tests }) => tests.length === 0)).toEqual([]);
});

test("every test that the page names exists", () => {
  const missing = ROWS.flatMap(({ tests }) => tests).filter(
    ({ file, name }) => !existsSync(join(TESTS, file)) || !readFileSync(join(TESTS, file), "utf8").includes(name),
  );
  expect(missing).toEqual([]);
});

test.each([
  ["a part of a title", "is replaced elsewhere", "a queued start is replaced elsewhere, once", true],
  ["what varies", "a contract that is %s is taken as such", "a contract that is offline is taken as such", true],
  ["letters that mean something in an expression", "costs $ (or not)", "costs $ (or not)", true],
  ["another title", "is replaced elsewhere", "is replaced on its machine", false],
])("a run's titles are found by %s", (_, name, title, found) => {
  expect(titlePattern({ name }).test(title)).toBe(found);
});
