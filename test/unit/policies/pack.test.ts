import { readFileSync } from "node:fs";
import type { PolicyConfigSchema } from "@pulumi/policy";
import { describe, expect, test } from "vitest";
import { TOKENS } from "../../../policies/resources.ts";
import { type AnyRule, toPolicy } from "../../../policies/rule.ts";
import { rules } from "../../../policies/rules.ts";
import { CloudSyncTarget, VastInstance, VastVolume } from "../../../provider/resources/index.ts";
import { judge, PASS } from "./judge.ts";

test("the rules go by the type tokens that the resources have", () => {
  expect(TOKENS).toEqual({ instance: VastInstance.__pulumiType, volume: VastVolume.__pulumiType });
});

test("three rules are mandatory, and the report of waivers warns", () => {
  expect(rules.map((rule) => [toPolicy(rule).name, toPolicy(rule).enforcementLevel])).toEqual([
    ["verified-hosts", "mandatory"],
    ["max-dph", "mandatory"],
    ["copy-out-declared", "mandatory"],
    ["copy-out-waived", "advisory"],
  ]);
});

test.each(rules)("$name leaves resources of other types alone, whatever they are like", (rule) => {
  const inputs = { offer: { verified: false, maxDph: 99 }, copyOut: { waive: "a reason for an instance" } };
  for (const type of ["aws:s3/bucket:Bucket", CloudSyncTarget.__pulumiType]) {
    expect(judge(rule, { type, inputs })).toEqual(PASS);
  }
});

test("the engine learns type, bounds and default of every config key", () => {
  const schemas = Object.fromEntries(rules.map((rule) => [rule.name, toPolicy(rule).configSchema]));
  expect(schemas["max-dph"]).toEqual({
    properties: {
      capUsdPerHour: { type: "number", exclusiveMinimum: 0, default: 4, description: expect.stringContaining("USD/h") },
    },
  });
  expect(schemas["verified-hosts"]).toEqual({
    properties: { allowPinned: { type: "boolean", default: false, description: expect.any(String) } },
  });
  expect(schemas["copy-out-declared"]).toEqual({ properties: {} });
});

test("a config error reaches the person who wrote it without a stack", () => {
  const rule = rules[0] as AnyRule;
  const error = thrown(() => judge(rule, { type: TOKENS.instance, inputs: {} }, { allowPinned: 1 }));
  expect(error.stack).toBe(error.message);
});

function thrown(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

describe("docs/policies.md", () => {
  const page = readFileSync(new URL("../../../docs/policies.md", import.meta.url), "utf8");

  test.each(rules)("has the row of $name as its declaration has it", (rule) => {
    expect(page).toContain(row(rule));
  });

  function row(rule: AnyRule): string {
    const { properties } = toPolicy(rule).configSchema as PolicyConfigSchema;
    const config = Object.entries(properties).map(
      ([key, { default: value, description }]) => `\`${key}\` (default ${value}): ${description}`,
    );
    const cells = [
      `\`${rule.name}\``,
      rule.level,
      rule.description,
      rule.why,
      rule.source,
      config.join("; ") || "none",
    ];
    return `| ${cells.join(" | ")} |`;
  }
});
