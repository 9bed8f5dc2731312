import { expect, test } from "vitest";
import { pages } from "../../tools/reference/main.ts";

test.each(pages())("docs/resources/$name says what schemas, diffs and errors say", ({ text, current }) => {
  expect(text, "run: npm run docs").toBe(current);
});
