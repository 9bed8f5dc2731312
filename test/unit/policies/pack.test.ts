import * as aws from "@pulumi/aws";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { configSchema, type Run, toPolicy } from "../../../policies/policy.ts";
import { type Kind, TOKENS } from "../../../policies/resources.ts";
import type { AnyRule } from "../../../policies/rule.ts";
import { rules } from "../../../policies/rules.ts";
import { CloudSyncTarget, VastInstance, VastVolume } from "../../../provider/resources/index.ts";
import { instance, judge, judgeEach, judgeStack, PASS, RUN, unchecked, volume } from "./judge.ts";

test("the rules go by the type tokens that the resources have", () => {
  const { s3, iam } = aws;
  expect(TOKENS).toEqual({
    instance: [VastInstance.__pulumiType],
    volume: [VastVolume.__pulumiType],
    target: [CloudSyncTarget.__pulumiType],
    bucket: tokens(s3.Bucket, s3.BucketV2),
    acl: tokens(s3.BucketAcl, s3.BucketAclV2),
    bucketPolicy: tokens(s3.BucketPolicy),
    publicAccessBlock: tokens(s3.BucketPublicAccessBlock),
    versioning: tokens(s3.BucketVersioning, s3.BucketVersioningV2),
    encryption: tokens(s3.BucketServerSideEncryptionConfiguration, s3.BucketServerSideEncryptionConfigurationV2),
    lifecycle: tokens(s3.BucketLifecycleConfiguration, s3.BucketLifecycleConfigurationV2),
    userPolicy: tokens(iam.UserPolicy),
    managedPolicy: tokens(iam.Policy),
  });
});

function tokens(...classes: object[]): unknown[] {
  return classes.map((each) => (each as { __pulumiType: string }).__pulumiType);
}

test("every rule has a name of its own, and says what, why and whence", () => {
  expect(new Set(rules.map((rule) => rule.name)).size).toBe(rules.length);
  for (const rule of rules) {
    expect(rule.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(rule.description).toMatch(/^[A-Z].*\.$/);
    for (const text of [rule.why, rule.source]) expect(text).not.toBe("");
  }
});

test("what loses results, money or secrets is mandatory; what may be meant warns", () => {
  expect(rules.filter((rule) => rule.level !== "mandatory").map((rule) => rule.name)).toEqual([
    "copy-out-waived",
    "image-cuda-known",
    "spread-hosts",
    "bandwidth-price",
    "on-demand-share",
    "idle-volumes",
    "owner-tags",
  ]);
});

test("an instance and a volume as they should be pass every rule", () => {
  for (const rule of rules) {
    expect([rule.name, judge(rule, instance())]).toEqual([rule.name, PASS]);
    expect([rule.name, judge(rule, volume())]).toEqual([rule.name, PASS]);
  }
});

test.each(rules)("$name leaves resources of other types alone, whatever they are like", (rule) => {
  const inputs = {
    offer: { verified: false, maxDph: 99 },
    copyOut: { waive: "a reason for an instance" },
    forceDestroy: true,
  };
  const resource = { type: "aws:sqs/queue:Queue", inputs };
  expect(judge(rule, resource)).toEqual(PASS);
  expect(judgeStack(rule, [resource])).toEqual(PASS);
});

test.each(rules)("$name judges a resource that says nothing, and falls over none", (rule) => {
  for (const kind of Object.keys(TOKENS) as Kind[]) {
    for (const inputs of [{}, { offer: {}, copyOut: {}, placeWith: {}, volume: {} }]) {
      const resource = unchecked(kind, inputs);
      if (!AWS_POLICIES.includes(kind)) expect(judge(rule, resource).unknown).toEqual([]);
      expect(judgeStack(rule, [resource]).unknown).toEqual([]);
    }
  }
});

/** Nothing is no policy document, and an error. */
const AWS_POLICIES: readonly Kind[] = ["bucketPolicy", "userPolicy", "managedPolicy"];

describe("the engine is told", () => {
  const named = (name: string, run: Partial<Run> = {}) =>
    toPolicy(rules.find((rule) => rule.name === name) as AnyRule, { ...RUN, ...run });
  const judges = (policy: object) =>
    ["validateResource", "validateStack", "remediateResource"].filter((method) => method in policy);

  test("what a rule judges and puts right, and of which pack it is", () => {
    expect(judges(named("verified-hosts"))).toEqual(["validateResource", "remediateResource"]);
    expect(judges(named("copy-out-declared"))).toEqual(["validateResource"]);
    expect(judges(named("bucket-versioned"))).toEqual(["validateResource", "validateStack", "remediateResource"]);
    expect(named("verified-hosts").tags).toEqual(["safety"]);
  });

  test("to judge a stack at its end in a preview, and a sum also while an update goes on", () => {
    expect(judges(named("fleet-budget"))).toEqual(["validateStack"]);
    expect(judges(named("fleet-budget", { isPreview: false }))).toEqual(["validateResource", "validateStack"]);
    expect(judges(named("spread-hosts", { isPreview: false }))).toEqual(["validateStack"]);
  });
});

describe("a rule that falls over", () => {
  const base = { ...(rules.find((rule) => rule.name === "max-instances") as AnyRule) };

  test("stops the run, also while an update goes on", () => {
    const broken: AnyRule = {
      ...base,
      *stack(_stack, _config, known) {
        known(() => {
          throw new Error("broken");
        });
      },
    };
    expect(() => judgeStack(broken, [])).toThrow("broken");
    expect(() => judgeEach(broken, [instance()], {}, { isPreview: false })).toThrow("broken");
  });

  test("is not one that has nothing to judge", () => {
    expect(judgeEach({ ...base, stack: undefined }, [instance()], {}, { isPreview: false })).toEqual(PASS);
  });
});

describe("the config of a rule", () => {
  const any = (rule: AnyRule) => {
    const kind = Object.keys(rule.checks ?? {})[0] as keyof typeof TOKENS | undefined;
    return { type: TOKENS[kind ?? "instance"][0], inputs: {} };
  };
  const run = (rule: AnyRule, config: object) =>
    rule.checks === undefined ? judgeStack(rule, [any(rule)], config) : judge(rule, any(rule), config);

  test.each(rules)("$name takes no key that does not exist", (rule) => {
    expect(() => run(rule, { nonsense: 1 })).toThrow(new RegExp(`"${rule.name}" is not usable[^]*nonsense`));
  });

  test.each(rules.flatMap((rule) => Object.keys(rule.config.shape).map((key) => ({ rule, key }))))(
    "$rule.name takes no value of another type for $key",
    ({ rule, key }) => {
      expect(() => run(rule, { [key]: null })).toThrow(new RegExp(`"${rule.name}" is not usable[^]*${key}`));
    },
  );

  test.each(rules)("$name tells the engine type, bounds, default and unit of every key", (rule) => {
    for (const [key, schema] of Object.entries(configSchema(rule.config).properties)) {
      expect([key, schema.description]).toEqual([key, expect.stringMatching(/\w/)]);
    }
  });

  test("reaches the engine as it is declared", () => {
    const maxDph = rules.find((rule) => rule.name === "max-dph") as AnyRule;
    expect(toPolicy(maxDph, RUN).configSchema?.properties.capUsdPerHour).toEqual({
      type: "number",
      exclusiveMinimum: 0,
      default: 4,
      description: expect.stringContaining("USD/h"),
    });
  });

  test("is described as the engine reads it: JSON Schema draft 7, of what may be given", () => {
    const schema = z.strictObject({
      range: z.tuple([z.number(), z.number()]),
      of: z.object({ most: z.number().default(1) }),
    });
    const { range, of } = configSchema(schema).properties;
    expect(range).toMatchObject({ type: "array", items: [{ type: "number" }, { type: "number" }] });
    expect(of).toEqual({ type: "object", properties: { most: { type: "number", default: 1 } } });
  });

  test("that is wrong reaches the person who wrote it without a stack", () => {
    const error = thrown(() => run(rules[0] as AnyRule, { allowPinned: 1 }));
    expect(error.stack).toBe(error.message);
  });
});

function thrown(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
