import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const PAGE = join(import.meta.dirname, "../../docs/pains.md");
const TESTS = join(import.meta.dirname, "..");
const rows = [...readFileSync(PAGE, "utf8").matchAll(/^\| (\d+) \|.*\| (.+) \|$/gm)].map(([, pain, tests = ""]) => ({
  pain: Number(pain),
  tests: namedTests(tests),
}));

/** `file`: "name", "name"; `file`: … */
function namedTests(text: string): { file: string; name: string }[] {
  return text.split(/; (?=`)/).flatMap((part) => {
    const [, file = "", names = ""] = /^`(.+?)`: (.+)$/.exec(part) ?? [];
    return [...names.matchAll(/"(.+?)"(?=,|$)/g)].map(([, name = ""]) => ({ file, name }));
  });
}

test("each of the thirty pains has its row, and at least one test", () => {
  expect(rows.map(({ pain }) => pain)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
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
