import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openStack, POLICIES } from "../support/policy-stack.ts";
import { VIOLATIONS } from "../support/policy-violations.ts";

/** What the violating stacks need to be told: budgets and lists that are nobody's default. */
const STRICT = {
  "secrets-in-clear": { patterns: ["corp-\\d{8}"] },
  "allowed-countries": { countries: ["SE"] },
  "image-cuda": { newest: 12.8 },
  "fleet-budget": { fleets: { trainer: { perHour: 0.9 } } },
  "stack-budget": { stack: { perDay: 23 } },
  "team-budget": { teams: { research: { perMonth: 700 } } },
  "max-instances": { most: 1 },
  "on-demand-share": { most: 0.5 },
};

describe("a stack that breaks every rule", () => {
  test("is refused in the preview, each rule at the resource that breaks it", async () => {
    await using stack = await openStack("violating", { policies: STRICT });

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).not.toBe(0);
    for (const each of VIOLATIONS.violating) expect(violations(all), all).toContain(each);
    expect(all).toContain(
      "max-dph: offer.maxDph is $16.00/h all-in; the cap is $4.00/h. Lower offer.maxDph to at most 4, or raise this policy's capUsdPerHour.",
    );
  });

  test("is refused for what its resources are together", async () => {
    await using stack = await openStack("violating fleet", { policies: STRICT });

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).not.toBe(0);
    for (const each of VIOLATIONS["violating fleet"]) expect(violations(all), all).toContain(each);
    expect(all).toContain("the price caps of fleet trainer add up to $1.00 per hour; the budget is $0.90");
  });

  test("is refused for its storage as well", async () => {
    await using stack = await openStack("violating storage");

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).not.toBe(0);
    expect(violations(all)).toEqual(VIOLATIONS["violating storage"]);
  });
});

describe("a stack that keeps every rule", () => {
  test("passes the preview, under the strictest config", async () => {
    const { "image-cuda": imageCuda, "secrets-in-clear": secrets, "allowed-countries": countries } = STRICT;
    await using stack = await openStack("compliant", {
      policies: {
        "image-cuda": imageCuda,
        "secrets-in-clear": secrets,
        "allowed-countries": countries,
        "stack-budget": { stack: { perHour: 3 } },
        "fleet-budget": { fleets: { fleet: { perHour: 1 } } },
        "team-budget": { teams: { research: { perDay: 72 } } },
        "max-instances": { most: 6 },
        "on-demand-share": { least: 1 },
      },
    });

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).toBe(0);
    expect(all).toContain("pulumi-vast@v");
    // Nothing listens where its prices would come from: no reason for a preview to fail.
    expect(all).toMatch(/what the fleet would cost is not known: prices: .*127\.0\.0\.1:9/);
    // The ids of a volume that is not made yet: to be judged in the update.
    expect(violations(all)).toEqual(["advisory volume-with-instance: policies-dev"]);
    expect(all).toContain("can't run policy 'volume-with-instance'");
  });

  test("is refused under a lower cap from the policy config, and only warned where that says so", async () => {
    await using stack = await openStack("compliant");

    const refused = await stack.preview({ "max-dph": { capUsdPerHour: 0.45 } });
    const warned = await stack.preview({ "max-dph": { enforcementLevel: "advisory", capUsdPerHour: 0.45 } });

    expect(refused.exitCode, refused.all).not.toBe(0);
    expect(refused.all).toContain("trainer: offer.maxDph is $0.50/h all-in; the cap is $0.45/h");
    expect(warned.exitCode, warned.all).toBe(0);
    expect(violations(warned.all)).toContain("advisory max-dph: trainer");
  });

  test.each([
    [{ capUsdPerHour: "cheap" }, "capUsdPerHour: Invalid type. Expected: number, given: string"],
    [{ capUsdPerHour: 0 }, "capUsdPerHour: Must be greater than 0"],
    [{ cap: 4 }, 'Unrecognized key: "cap"'],
  ])("stops at a policy config that means nothing: %j", async (config, message) => {
    await using stack = await openStack("compliant");

    const { exitCode, all } = await stack.preview({ "max-dph": config });

    expect(exitCode, all).not.toBe(0);
    expect(all).toContain(message);
  });
});

test("each pack can be loaded alone", async () => {
  await using stack = await openStack("violating storage");

  const { exitCode, all } = await stack.withoutPacks("preview", "--policy-pack", join(POLICIES, "storage"));
  const cost = await stack.withoutPacks("preview", "--policy-pack", join(POLICIES, "cost"));

  expect(exitCode, all).not.toBe(0);
  expect(all).toContain("pulumi-vast-storage@v");
  expect(violations(all)).toContain("mandatory bucket-kept: destroyed");
  expect(cost.exitCode, cost.all).toBe(0);
  expect(cost.all).toContain("pulumi-vast-cost@v");
});

test("what has one remedy is put right at level remediate", async () => {
  await using stack = await openStack("remediable", {
    policies: { "verified-hosts": "remediate", "direct-port": "remediate", "bucket-not-public": "remediate" },
  });

  const { exitCode, all } = await stack.pulumi("preview", "--diff");

  expect(exitCode, all).toBe(0);
  expect(violations(all)).toEqual([]);
  expect(all).toMatch(/remediate.*verified-hosts/);
  expect(all).toMatch(/runtype\s*: "ssh_direct"/);
  expect(all).toMatch(/verified\s*: true/);
  expect(all).toMatch(/blockPublicAcls\s*: true/);
});

test("a waiver passes, and is reported with its reason", async () => {
  await using stack = await openStack("waived");

  const { exitCode, all } = await stack.pulumi("preview");

  expect(exitCode, all).toBe(0);
  expect(violations(all)).toEqual(["advisory copy-out-waived: disposable"]);
  expect(all).toContain('Reason given: "renders are streamed out as they are made"');
});

describe("an exception in the stack's config", () => {
  const excepting = (expires: string) => ({
    policies: { "max-dph": { capUsdPerHour: 0.45 } },
    policyExceptions: ["trainer", "bidder", "mounting", "paused", "fleet-worker-0", "fleet-worker-1"].map(
      (resource) => ({
        resource,
        rule: "max-dph",
        reason: "the paper is due in March",
        expires,
      }),
    ),
  });

  test("lets the run go on, and is reported", async () => {
    await using stack = await openStack("compliant", excepting("2999-12-31"));

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).toBe(0);
    expect(all).toContain('trainer: max-dph is not held until 2999-12-31. Reason given: "the paper is due in March"');
  });

  test("stops it once its day is past", async () => {
    await using stack = await openStack("compliant", excepting("2026-01-31"));

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).not.toBe(0);
    expect(all).toContain("trainer: the exception from max-dph ended on 2026-01-31");
    expect(violations(all)).toContain("mandatory max-dph: trainer");
  });
});

test("a target that a first preview does not know is neither refused nor passed", async () => {
  await using stack = await openStack("target not known yet");

  const { exitCode, all } = await stack.pulumi("preview");

  expect(exitCode, all).toBe(0);
  expect(violations(all)).toContain("advisory copy-out-declared: trainer");
  expect(violations(all).filter((each) => each.startsWith("mandatory"))).toEqual([]);
  expect(all).toContain(".copyOut.target can't be known during preview");
});

describe("an update without a preview", () => {
  test("refuses what a preview could not know, before anything is rented", async () => {
    await using stack = await openStack("price known only in the update");
    const preview = await stack.pulumi("preview");
    expect(preview.exitCode, preview.all).toBe(0);
    expect(preview.all).toContain(".offer.maxDph can't be known during preview");

    const { exitCode, all } = await stack.pulumi("up", "--yes", "--skip-preview");

    expect(exitCode, all).not.toBe(0);
    expect(all).toContain("expensive: offer.maxDph is $9.00/h all-in; the cap is $4.00/h");
    expect(await stack.resources()).not.toContain("expensive");
  });

  test.each([
    ["over the price cap", "over the cap", "mandatory max-dph: expensive"],
    ["that breaks a budget", "one instance", "mandatory stack-budget: trainer"],
  ])("rents nothing %s", async (_, scenario, violation) => {
    await using stack = await openStack(scenario, { policies: { "stack-budget": { stack: { perHour: 0.4 } } } });

    const { exitCode, all } = await stack.pulumi("up", "--yes", "--skip-preview");

    expect(exitCode, all).not.toBe(0);
    expect(violations(all), all).toContain(violation);
    expect(await stack.resources()).not.toContain(violation.split(": ")[1]);
  });
});

/** The reported violations as `level rule: resource`, each once and sorted. */
function violations(output: string): string[] {
  const heads = output.matchAll(/\[(mandatory|advisory)\] +([\w-]+) +\([^ ]+: (.*)\)/g);
  return [...new Set([...heads].map(([, level, rule, resource]) => `${level} ${rule}: ${resource}`))].sort();
}
