import { expect, test } from "vitest";
import { type Justified, judge, type Mutant } from "../../mutation/verdict.ts";

const change = { file: "policies/a.ts", code: "return a > b;", original: "a > b", replacement: "true" };
const survivor: Mutant = { ...change, line: 7, hasSurvived: true };
const justification: Justified = { ...change, reason: "b is never above a" };

test("a mutant that is noticed is counted, and nothing more", () => {
  const killed = { ...survivor, hasSurvived: false };
  expect(judge([killed], [])).toEqual({ mutants: 1, open: [], justified: 0, stale: [] });
});

test("a survivor is open unless it is justified, on whichever line it is", () => {
  expect(judge([survivor], []).open).toEqual([survivor]);
  expect(judge([{ ...survivor, line: 9 }], [justification])).toEqual({ mutants: 1, open: [], justified: 1, stale: [] });
});

test("a justification is good for one change only: another, or a second that is alike, stays open", () => {
  const other = { ...survivor, replacement: "false" };
  const alike = { ...survivor, line: 9 };
  expect(judge([survivor, other, alike], [justification]).open).toEqual([other, alike]);
});

test("a justification of what is noticed by now, or gone, is reported; one of a file that was not tried is not", () => {
  const elsewhere = { ...justification, file: "policies/b.ts" };
  expect(judge([{ ...survivor, hasSurvived: false }], [justification, elsewhere]).stale).toEqual([justification]);
});
