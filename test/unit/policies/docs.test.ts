import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { updated } from "../../../tools/reference/markdown.ts";
import { ruleTable } from "../../../tools/reference/rules.ts";

// Beside the test of all generated pages: this one loads nothing else, and the mutation run starts it for each mutant.
test("docs/policies.md shows the rules as they are declared", () => {
  const page = readFileSync("docs/policies.md", "utf8");
  const current = updated(page, {
    "rules of safety": () => ruleTable("safety"),
    "rules of cost": () => ruleTable("cost"),
    "rules of storage": () => ruleTable("storage"),
  });
  expect(page, "run: npm run docs").toBe(current);
});
