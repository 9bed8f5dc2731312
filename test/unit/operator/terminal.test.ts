import { expect, test } from "vitest";
import { fitted } from "../../../operator/terminal.ts";

test("a table that is too wide for the terminal is fitted into it, its widest columns first", () => {
  const widths = fitted([10, 60, 20, 40], 90) ?? [];
  expect(widths.reduce((sum, width) => sum + width + 3, 1)).toBeLessThanOrEqual(90);
  expect(widths[0]).toBe(10);
  expect(widths[2]).toBe(20);
});

test("a table that fits stays as it is", () => {
  expect(fitted([10, 20], 80)).toBeUndefined();
});
