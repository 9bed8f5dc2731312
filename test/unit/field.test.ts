import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/field.md"), "utf8");
const TESTS = join(import.meta.dirname, "..");
const ROWS = [...PAGE.matchAll(/^\| (\d+) \| (.+) \| (.+) \| (.+) \|$/gm)].map(([, number, , , tests = ""]) => ({
  number: Number(number),
  tests,
}));

/** `file`: "name", "name" */
function namedTests(cell: string): { file: string; name: string }[] {
  const [, file = "", names = ""] = /^`(.+?)`: (.+)$/.exec(cell) ?? [];
  return [...names.matchAll(/"(.+?)"(?=,|$)/g)].map(([, name = ""]) => ({ file, name }));
}

test("at least sixty scripts, commands and rules of the field's documents have their row and a test", () => {
  expect(ROWS.map(({ number }) => number)).toEqual(Array.from({ length: ROWS.length }, (_, index) => index + 1));
  expect(ROWS.filter(({ tests }) => namedTests(tests).length > 0).length).toBeGreaterThanOrEqual(60);
  expect(ROWS.filter(({ tests }) => tests !== "-" && namedTests(tests).length === 0)).toEqual([]);
});

test("every test that the page names exists", () => {
  const missing = ROWS.flatMap(({ tests }) => namedTests(tests)).filter(
    ({ file, name }) => !existsSync(join(TESTS, file)) || !readFileSync(join(TESTS, file), "utf8").includes(name),
  );
  expect(missing).toEqual([]);
});
