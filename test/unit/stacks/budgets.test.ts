import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Config, runtime } from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readLimits } from "../../../stacks/budgets.ts";

const dir = mkdtempSync(join(tmpdir(), "budgets-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeAll(() => runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, "shop", "prod"));

const YAML = `
teams: { research: { perHour: 8 } }
projects: { shop: { perMonth: 5000 }, other: { perMonth: 1 } }
stacks: { prod: { perDay: 100 }, dev: { perDay: 1 } }
fleets: { trainer: { perHour: 2 } }
`;

function limits(policies: object = {}, yaml = YAML) {
  const file = join(dir, "budgets.yaml");
  writeFileSync(file, yaml);
  runtime.setAllConfig({ "pulumi-vast:policies": JSON.stringify(policies) });
  return readLimits(new Config("pulumi-vast"), file);
}

test("a stack is held to its own budgets and its project's", () => {
  expect(limits()).toMatchObject({
    stack: { perDay: 100 },
    project: { perMonth: 5000 },
    teams: { research: { perHour: 8 } },
    fleets: { trainer: { perHour: 2 } },
  });
  expect(readLimits(new Config("pulumi-vast"), join(dir, "missing.yaml"))).toMatchObject({ stack: {}, fleets: {} });
});

test("the config of a budget rule goes before the file, as with the policies", () => {
  const own = limits({ "fleet-budget": { fleets: { trainer: { perDay: 30 } } }, "stack-budget": "advisory" });
  expect(own).toMatchObject({ fleets: { trainer: { perDay: 30 } }, stack: { perDay: 100 } });
  expect(own.fleets.trainer).toEqual({ perDay: 30 });
});

test("a rule that is disabled holds nothing, by itself or with all of them", () => {
  expect(limits({ "stack-budget": "disabled" })).toMatchObject({ stack: {}, fleets: { trainer: { perHour: 2 } } });
  expect(limits({ all: "disabled", "team-budget": "mandatory" })).toMatchObject({
    fleets: {},
    teams: { research: { perHour: 8 } },
  });
});

test("what is not right is named with its place", () => {
  expect(() => limits({}, "fleets: { trainer: { perHour: -1 } }")).toThrow(
    /stacks\/budgets.yaml is not right:[\s\S]*perHour/,
  );
  expect(() => limits({ "team-budget": { teams: { a: { perWeek: 1 } } } })).toThrow(
    /config pulumi-vast:policies is not right:[\s\S]*perWeek/,
  );
});
