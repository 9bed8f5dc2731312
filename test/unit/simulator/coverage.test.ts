import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readPage, updatedPage } from "../../../simulator/coverage.ts";
import { ENDPOINTS } from "../../../simulator/routes/all.ts";

test("the page's coverage table is that of the routes", () => {
  expect(readPage(), "run: node simulator/coverage.ts").toBe(updatedPage(readPage()));
});

test("every route is called by a contract test", () => {
  const folder = new URL("../../contract/simulator/", import.meta.url);
  const tests = readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  const untested = ENDPOINTS.filter(({ path }) => {
    const parts = path.replace(/\/$/, "").split(/\{\w+\}/);
    const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join('[^/"`]+');
    return !new RegExp(pattern).test(tests) && !path.startsWith("/vast.ai/");
  });
  expect(untested.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});
