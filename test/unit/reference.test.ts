import { expect, test } from "vitest";
import { pages } from "../../tools/reference/main.ts";

test.each(pages())("docs/$name says what schemas, rules, diffs and errors say", ({ text, current }) => {
  expect(text, "run: npm run docs").toBe(current);
});
