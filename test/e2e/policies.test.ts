import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { describe, expect, test } from "vitest";

const fromHere = (path: string) => fileURLToPath(new URL(path, import.meta.url));

describe("a stack that breaks every rule", () => {
  test("is refused in the preview, naming each resource with its value, limit and fix", async () => {
    await using stack = await openStack("violating");

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).not.toBe(0);
    expect(violations(all)).toEqual([
      "[mandatory]  copy-out-declared  (pulumi-nodejs:dynamic/vast:Instance: aimless)",
      "[mandatory]  copy-out-declared  (pulumi-nodejs:dynamic/vast:Instance: careless)",
      "[mandatory]  copy-out-declared  (pulumi-nodejs:dynamic/vast:Volume: unsaved)",
      "[mandatory]  max-dph  (pulumi-nodejs:dynamic/vast:Instance: expensive)",
      "[mandatory]  max-dph  (pulumi-nodejs:dynamic/vast:Instance: overbidder)",
      "[mandatory]  max-dph  (pulumi-nodejs:dynamic/vast:Instance: uncapped)",
      "[mandatory]  verified-hosts  (pulumi-nodejs:dynamic/vast:Instance: pinned)",
      "[mandatory]  verified-hosts  (pulumi-nodejs:dynamic/vast:Instance: unverified)",
      "[mandatory]  verified-hosts  (pulumi-nodejs:dynamic/vast:Volume: unsaved)",
    ]);
    expect(all).toContain(
      "expensive: offer.maxDph is $16.00/h all-in; the cap is $4.00/h. Lower offer.maxDph to at most 4, or raise this policy's capUsdPerHour.",
    );
    expect(all).toContain("unverified: offer.verified is false");
    expect(all).toContain("careless: copyOut is not declared");
  });
});

describe("a stack that keeps every rule", () => {
  test("passes the preview", async () => {
    await using stack = await openStack("compliant");

    const { exitCode, all } = await stack.pulumi("preview");

    expect(exitCode, all).toBe(0);
    expect(all).toContain("pulumi-vast@v");
    expect(violations(all)).toEqual([]);
  });

  test("is refused under a lower cap from the policy config", async () => {
    await using stack = await openStack("compliant");

    const { exitCode, all } = await stack.preview({ "max-dph": { capUsdPerHour: 0.45 } });

    expect(exitCode, all).not.toBe(0);
    expect(all).toContain("trainer: offer.maxDph is $0.50/h all-in; the cap is $0.45/h");
  });

  test("is only warned where the policy config says so", async () => {
    await using stack = await openStack("compliant");

    const { exitCode, all } = await stack.preview({
      "max-dph": { enforcementLevel: "advisory", capUsdPerHour: 0.45 },
    });

    expect(exitCode, all).toBe(0);
    expect(violations(all)).toEqual([
      "[advisory]  max-dph  (pulumi-nodejs:dynamic/vast:Instance: bidder)",
      "[advisory]  max-dph  (pulumi-nodejs:dynamic/vast:Instance: trainer)",
    ]);
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

test("a waiver passes, and is reported with its reason", async () => {
  await using stack = await openStack("waived");

  const { exitCode, all } = await stack.pulumi("preview");

  expect(exitCode, all).toBe(0);
  expect(violations(all)).toEqual(["[advisory]  copy-out-waived  (pulumi-nodejs:dynamic/vast:Instance: disposable)"]);
  expect(all).toContain('Reason given: "renders are streamed out as they are made"');
});

test("a target that a first preview does not know is neither refused nor passed", async () => {
  await using stack = await openStack("target not known yet");

  const { exitCode, all } = await stack.pulumi("preview");

  expect(exitCode, all).toBe(0);
  expect(violations(all)).toEqual(["[advisory]  copy-out-declared  (pulumi-nodejs:dynamic/vast:Instance: trainer)"]);
  expect(all).toContain(".copyOut.target can't be known during preview");
});

test("what a preview could not know is refused in the update, before anything is rented", async () => {
  await using stack = await openStack("price known only in the update");
  const preview = await stack.pulumi("preview");
  expect(preview.exitCode, preview.all).toBe(0);
  expect(preview.all).toContain(".offer.maxDph can't be known during preview");

  const { exitCode, all } = await stack.pulumi("up", "--yes", "--skip-preview");

  expect(exitCode, all).not.toBe(0);
  expect(all).toContain("expensive: offer.maxDph is $9.00/h all-in; the cap is $4.00/h");
  const state = await stack.pulumi("stack", "export");
  expect(state.all).toContain("::later");
  expect(state.all).not.toContain("::expensive");
});

interface Finished {
  exitCode: number | undefined;
  all: string;
}

interface Stack extends AsyncDisposable {
  pulumi(...args: string[]): Promise<Finished>;
  /** With a config for the policy pack. */
  preview(policyConfig: object): Promise<Finished>;
}

/** A stack of the program in policies/, in a folder and a backend of its own, with the pack loaded. */
async function openStack(scenario: string): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), "policies-e2e-"));
  const project = join(dir, "project");
  cpSync(fromHere("policies"), project, { recursive: true });
  symlinkSync(fromHere("../../node_modules"), join(project, "node_modules"));
  const config = {
    "policies:scenario": scenario,
    // Nothing listens there: a rule that asked the API, or a create, would end in an error of another kind.
    "vast:apiUrl": "http://127.0.0.1:9",
    "vast:apiKey": "no-key",
    "vast:owner": "policies-e2e",
  };
  writeFileSync(join(project, "Pulumi.dev.yaml"), JSON.stringify({ config }));
  const env = {
    PULUMI_HOME: join(dir, "home"),
    PULUMI_BACKEND_URL: `file://${dir}`,
    PULUMI_CONFIG_PASSPHRASE: "policies-e2e",
    PULUMI_OPTION_POLICY_PACK: fromHere("../../policies"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const pulumi = async (...args: string[]): Promise<Finished> => {
    const options = { cwd: project, env, all: true, reject: false } as const;
    const { exitCode, all, cause } = await execa("pulumi", [...args, "--non-interactive", "--color=never"], options);
    if (exitCode === undefined) throw new Error(`pulumi did not run: ${String(cause)}\n${all}`);
    return { exitCode, all };
  };
  const created = await pulumi("stack", "init", "dev");
  expect(created.exitCode, created.all).toBe(0);
  return {
    pulumi,
    preview: (policyConfig) => {
      const file = join(dir, "policy-config.json");
      writeFileSync(file, JSON.stringify(policyConfig));
      return pulumi("preview", "--policy-pack-config", file);
    },
    [Symbol.asyncDispose]: async () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The heads of the reported violations, each once and sorted. */
function violations(output: string): string[] {
  return [...new Set(output.match(/\[(mandatory|advisory)\] .*\)/g))].sort();
}
