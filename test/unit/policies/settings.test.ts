import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Config, runtime } from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rules } from "../../../policies/rules.ts";
import { initialConfig, readBudgets, thisRun } from "../../../policies/settings.ts";

const dir = mkdtempSync(join(tmpdir(), "settings-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeAll(() => runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, "shop", "prod"));

function file(text: string): string {
  const path = join(dir, "budgets.yaml");
  writeFileSync(path, text);
  return path;
}

function config(values: Record<string, unknown>): Config {
  runtime.setAllConfig(
    Object.fromEntries(Object.entries(values).map(([k, v]) => [`pulumi-vast:${k}`, JSON.stringify(v)])),
  );
  return new Config("pulumi-vast");
}

function thrown(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

const YAML = `
teams: { research: { perHour: 8 } }
projects: { shop: { perMonth: 5000 }, other: { perMonth: 1 } }
stacks: { prod: { perDay: 100 }, dev: { perDay: 1 } }
fleets: { trainer: { perHour: 2 } }
`;

describe("budgets", () => {
  test("become the config of the budget rules: this stack's and this project's only", () => {
    expect(initialConfig(rules, rules, file(YAML), config({}))).toEqual({
      "fleet-budget": { enforcementLevel: "mandatory", fleets: { trainer: { perHour: 2 } } },
      "team-budget": { enforcementLevel: "mandatory", teams: { research: { perHour: 8 } } },
      "stack-budget": {
        enforcementLevel: "mandatory",
        stack: { perDay: 100 },
        project: { perMonth: 5000 },
      },
    });
  });

  test("are none where there is no file, or nothing but comments in it", () => {
    const none = { teams: {}, projects: {}, stacks: {}, fleets: {} };
    expect(readBudgets(join(dir, "missing.yaml"))).toEqual(none);
    expect(readBudgets(file("# nothing yet\n"))).toEqual(none);
    expect(readBudgets(file("teams:\n"))).toEqual(none);
  });

  test("the shipped file is valid, and limits nothing", () => {
    expect(readBudgets("stacks/budgets.yaml").teams).toEqual({});
  });

  test.each([
    ["a limit that is no number", "teams: { a: { perHour: cheap } }", /perHour/],
    ["a limit of nothing", "stacks: { a: { perDay: 0 } }", /above 0 USD/],
    ["a period that does not exist", "stacks: { a: { perYear: 1 } }", /perYear/],
    ["a kind of budget that does not exist", "people: {}", /people/],
  ])("with %s are an error that names file and key", (_, text, key) => {
    expect(() => readBudgets(file(text))).toThrow(/budgets\.yaml is not right/);
    expect(() => readBudgets(file(text))).toThrow(key);
  });
});

describe("the stack's own policy config", () => {
  test("goes before budgets, and beside them", () => {
    const given = {
      policies: {
        "max-dph": { capUsdPerHour: 2 },
        "owner-tags": "mandatory",
        "stack-budget": { stack: { perHour: 9 } },
        "team-budget": "advisory",
      },
    };
    expect(initialConfig(rules, rules, file(YAML), config(given))).toMatchObject({
      "max-dph": { enforcementLevel: "mandatory", capUsdPerHour: 2 },
      "owner-tags": { enforcementLevel: "mandatory" },
      "stack-budget": { stack: { perHour: 9 }, project: { perMonth: 5000 } },
      "team-budget": { enforcementLevel: "advisory", teams: { research: { perHour: 8 } } },
    });
  });

  test("keeps the level of a rule that only gets other keys, and the level of all where there is one", () => {
    const given = { policies: { "owner-tags": { tags: ["team"] } } };
    expect(initialConfig(rules, rules, file(""), config(given))).toMatchObject({
      "owner-tags": { enforcementLevel: "advisory", tags: ["team"] },
    });
    for (const all of ["disabled", { enforcementLevel: "disabled" }]) {
      const disabled = { policies: { all, "max-dph": { capUsdPerHour: 2 } } };
      expect(initialConfig(rules, rules, file(""), config(disabled))).toMatchObject({
        all,
        "max-dph": { enforcementLevel: "disabled" },
      });
    }
  });

  test.each(["advisory", "mandatory", "remediate", "disabled"])("may set the level %s", (level) => {
    const given = config({ policies: { "verified-hosts": level } });
    expect(initialConfig(rules, rules, file(""), given)).toMatchObject({
      "verified-hosts": { enforcementLevel: level },
    });
  });

  test("is the config of the stack that runs", () => {
    config({ policies: { "owner-tags": "mandatory" } });
    expect(initialConfig(rules, rules, file(""))).toMatchObject({ "owner-tags": { enforcementLevel: "mandatory" } });
  });

  test("of another pack's rule is left to that pack", () => {
    const storage = rules.filter((rule) => rule.pack === "storage");
    const given = config({ policies: { "max-dph": { capUsdPerHour: 2 }, "bucket-kept": "advisory", all: "advisory" } });
    expect(initialConfig(storage, rules, file(YAML), given)).toEqual({
      "bucket-kept": { enforcementLevel: "advisory" },
      all: "advisory",
    });
  });

  test.each([
    [{ policies: { "max-price": 2 } }, /pulumi-vast:policies is not right/],
    [{ policies: { "max-dph": { enforcementLevel: "sometimes" } } }, /pulumi-vast:policies is not right[\s\S]*max-dph/],
    [{ policies: { "max-price": "advisory" } }, /names "max-price", which is no rule; rules are all, verified-hosts/],
  ])("that means nothing is an error, which reaches the person who wrote it without a stack: %j", (given, message) => {
    const error = thrown(() => initialConfig(rules, rules, file(""), config(given)));
    expect(error.message).toMatch(message);
    expect(error.stack).toBe(error.message);
  });
});

describe("the stack's exceptions", () => {
  const names = new Set(rules.map((rule) => rule.name));
  const whole = { resource: "trainer", rule: "max-dph", reason: "nothing cheaper is left", expires: "2999-12-31" };

  test("are read from its config", () => {
    const { exceptions } = thisRun(names, config({ policyExceptions: [whole] }));
    expect(exceptions.excuses("max-dph", "trainer")).toBe(true);
    expect(thisRun(names, config({})).exceptions.inForce()).toEqual([]);
    config({ policyExceptions: [whole] });
    expect(thisRun(names).exceptions.inForce()).toEqual([whole]);
  });

  test.each([
    ["no reason", { ...whole, reason: "because" }, /at least 10 characters/],
    ["blanks for a reason", { ...whole, reason: "because         " }, /at least 10 characters/],
    ["no day", { ...whole, expires: undefined }, /expires/],
    ["a day that does not exist", { ...whole, expires: "2026-02-30" }, /expires/],
    ["a key that does not exist", { ...whole, until: "tomorrow" }, /until/],
  ])("with %s are an error", (_, exception, message) => {
    const run = () => thisRun(names, config({ policyExceptions: [exception] }));
    expect(run).toThrow(/config pulumi-vast:policyExceptions is not right/);
    expect(run).toThrow(message);
  });
});
