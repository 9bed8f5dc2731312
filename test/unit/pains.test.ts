import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rowsOf } from "../../tools/named-tests/page.ts";

const PAGE = join(import.meta.dirname, "../../docs/pains.md");
const TESTS = join(import.meta.dirname, "..");
const rows = rowsOf(readFileSync(PAGE, "utf8"));

test("each of the thirty pains has its row, and at least one test", () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  expect(rows.filter(({ tests }) => tests.length === 0)).toEqual([]);
});

test("every test that the page names exists", () => {
  const missing = rows
    .flatMap(({ tests }) => tests)
    .filter(
      ({ file, name }) => !existsSync(join(TESTS, file)) || !readFileSync(join(TESTS, file), "utf8").includes(name),
    );
  expect(missing).toEqual([]);
});
