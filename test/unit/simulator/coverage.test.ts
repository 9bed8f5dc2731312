import { expect, test } from "vitest";
import { readPage, testsOf, updatedPage } from "../../../simulator/coverage.ts";
import { DOCUMENTED_ERRORS, nameOf } from "../../../simulator/documented-errors.ts";
import { ENDPOINTS } from "../../../simulator/routes/all.ts";

test("the page's coverage tables are those of the routes, the documented errors and the tests' records", () => {
  expect(readPage(), "run: node simulator/coverage.ts").toBe(updatedPage(readPage()));
});

test("every route is called by a contract test", () => {
  const tests = testsOf("routes");
  const names = ENDPOINTS.map(({ method, path }) => `${method} ${path}`);
  expect(names.filter((name) => tests(name) === "")).toEqual([]);
});

test("every documented error is met by a contract test", () => {
  const tests = testsOf("errors");
  expect(DOCUMENTED_ERRORS.map(nameOf).filter((name) => tests(name) === "")).toEqual([]);
});
