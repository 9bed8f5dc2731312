import { expect, onTestFinished, test } from "vitest";
import { confirmed, fitted, UsageError } from "../../../operator/terminal.ts";

test("a table that is too wide for the terminal is fitted into it, its widest columns first", () => {
  const widths = fitted([10, 60, 20, 40], 90) ?? [];
  expect(widths.reduce((sum, width) => sum + width + 3, 1)).toBeLessThanOrEqual(90);
  expect(widths[0]).toBe(10);
  expect(widths[2]).toBe(20);
});

test("a table that fits stays as it is", () => {
  expect(fitted([10, 20], 80)).toBeUndefined();
});

test("what costs or destroys is not begun where nobody can be asked, unless --yes has said so", async () => {
  const before = process.stdin.isTTY;
  onTestFinished(() => {
    process.stdin.isTTY = before;
  });
  process.stdin.isTTY = false;
  const asked = confirmed("Rent four machines?", undefined);
  await expect(asked).rejects.toThrow(/Rent four machines\?\nNobody can be asked here: say --yes/);
  await expect(asked).rejects.toBeInstanceOf(UsageError);
  expect(await confirmed("Rent four machines?", true)).toBe(true);
});
