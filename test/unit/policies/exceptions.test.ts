import type { StackValidationArgs } from "@pulumi/policy";
import { describe, expect, test } from "vitest";
import { maxDph } from "../../../policies/cost/max-dph.ts";
import { maxInstances } from "../../../policies/cost/max-instances.ts";
import { type Exception, Exceptions, exceptionPolicies, exceptionsSchema } from "../../../policies/exceptions.ts";
import { instance, judge, judgeStack, NOW, PASS } from "./judge.ts";

const names = new Set(["max-dph", "max-instances"]);
const reason = "the paper is due, and nothing cheaper is left";

const whole = { resource: "trainer", rule: "max-dph", reason, expires: "2026-12-31" };

function exceptions(...all: Partial<Exception>[]): Exceptions {
  return new Exceptions(
    all.map((each) => ({ ...whole, ...each })),
    names,
    () => NOW,
  );
}

const dear = instance({ offer: { maxDph: 9 } });

describe("an exception", () => {
  test("lets the resource it names break the rule it names, and nothing else", () => {
    expect(judge(maxDph, dear, {}, { exceptions: exceptions({}) })).toEqual(PASS);
    expect(judge(maxDph, { ...dear, name: "other" }, {}, { exceptions: exceptions({}) }).violations).toHaveLength(1);
    expect(judge(maxDph, dear, {}, { exceptions: exceptions({ rule: "max-instances" }) }).violations).toHaveLength(1);
  });

  test("names what a rule about a stack reports", () => {
    const run = { exceptions: exceptions({ rule: "max-instances", resource: "stack" }) };
    expect(judgeStack(maxInstances, [dear], { most: 0 }, run)).toEqual(PASS);
    expect(judgeStack(maxInstances, [dear], { most: 0 }).violations).toHaveLength(1);
  });

  test.each([
    ["2026-12-31", "2026-12-31"],
    ["2026-12-31 00:00:00 +0000 UTC", "2026-12-31"],
  ])("ends on the day that its config says: %s", (expires, day) => {
    expect(exceptionsSchema.parse([{ ...whole, expires }])).toMatchObject([{ expires: day }]);
  });

  test.each(["2026-12-31 12:00:00 +0000 UTC", "31.12.2026", "2026 00:00:00 +0000 UTC-12-31"])(
    "is refused with another day: %s",
    (expires) => {
      expect(exceptionsSchema.safeParse([{ ...whole, expires }]).success).toBe(false);
    },
  );

  test("holds to the end of its day, and not on the next", () => {
    expect(judge(maxDph, dear, {}, { exceptions: exceptions({ expires: "2026-12-01" }) })).toEqual(PASS);
    expect(judge(maxDph, dear, {}, { exceptions: exceptions({ expires: "2026-11-30" }) }).violations).toHaveLength(1);
  });

  test("from a rule that does not exist is an error, which names the rules", () => {
    expect(() => exceptions({ rule: "max-price" })).toThrow(
      'the policy exception for "trainer" names the rule "max-price", which does not exist; rules are max-dph, max-instances',
    );
  });
});

describe("in every run", () => {
  const reports = (name: string, given: Exceptions) => {
    const found: string[] = [];
    const policy = exceptionPolicies({ exceptions: given }).find((each) => each.name === name);
    void policy?.validateStack?.({} as StackValidationArgs, (message) => found.push(message));
    return { found, level: policy?.enforcementLevel, description: policy?.description };
  };
  const both = exceptions({}, { resource: "old", expires: "2026-11-30" }, { resource: "today", expires: "2026-12-01" });

  test("exceptions that hold are reported with reason and day", () => {
    expect(reports("exceptions-in-force", both)).toEqual({
      found: [
        `trainer: max-dph is not held until 2026-12-31. Reason given: "${reason}"`,
        `today: max-dph is not held until 2026-12-01. Reason given: "${reason}"`,
      ],
      level: "advisory",
      description: "Exceptions from rules are reported in every run.",
    });
  });

  test("exceptions whose day is past stop the run, with what to do", () => {
    expect(reports("exceptions-not-expired", both)).toEqual({
      found: [
        "old: the exception from max-dph ended on 2026-11-30. Remove it from pulumi-vast:policyExceptions, or agree on a new day.",
      ],
      level: "mandatory",
      description: "Exceptions from rules end on their day.",
    });
  });
});
