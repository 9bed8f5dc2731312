import { describe, expect, test } from "vitest";
import type { Kind } from "../../../policies/resources.ts";
import type { AnyRule } from "../../../policies/rule.ts";
import { bucketEncrypted } from "../../../policies/storage/bucket-encrypted.ts";
import { bucketKept } from "../../../policies/storage/bucket-kept.ts";
import { bucketNotPublic } from "../../../policies/storage/bucket-not-public.ts";
import { bucketVersioned } from "../../../policies/storage/bucket-versioned.ts";
import { iamPrefixOnly } from "../../../policies/storage/iam-prefix-only.ts";
import { lifecycleKeepsCurrent } from "../../../policies/storage/lifecycle-keeps-current.ts";
import { prefixNotShared } from "../../../policies/storage/prefix-not-shared.ts";
import { judge, judgeStack, PASS, type Resource, UNKNOWN, unchecked, urnOf } from "./judge.ts";

function refuses(rule: AnyRule, kind: Kind, inputs: object, message: string, config?: object): void {
  expect(judge(rule, unchecked(kind, inputs), config)).toEqual({ violations: [`trainer: ${message}`], unknown: [] });
}

function passes(rule: AnyRule, kind: Kind, inputs: object, config?: object): void {
  expect([inputs, judge(rule, unchecked(kind, inputs), config)]).toEqual([inputs, PASS]);
}

function leavesOpen(rule: AnyRule, kind: Kind, inputs: object): void {
  const { violations, unknown } = judge(rule, unchecked(kind, inputs));
  expect(violations).toEqual([]);
  expect(unknown).toEqual([expect.stringContaining("can't be known during preview")]);
}

const bucket = (inputs: object = {}): Resource => ({ ...unchecked("bucket", inputs), name: "results" });

describe.each([
  [
    bucketVersioned,
    "versioning" as const,
    'results: the bucket has 0 BucketVersioning, 1 is needed. Declare one with versioningConfiguration: { status: "Enabled" }.',
  ],
  [
    bucketNotPublic,
    "publicAccessBlock" as const,
    "results: the bucket has 0 BucketPublicAccessBlock, 1 is needed. Declare one with blockPublicAcls, blockPublicPolicy, ignorePublicAcls, restrictPublicBuckets: true.",
  ],
  [
    bucketEncrypted,
    "encryption" as const,
    "results: the bucket has 0 BucketServerSideEncryptionConfiguration, 1 is needed. Declare one.",
  ],
])("$name of a stack", (rule, kind, message) => {
  const setting = (inputs: object, uses: string[] = []): Resource => ({
    ...unchecked(kind, inputs),
    name: "setting",
    uses,
  });

  test("refuses a bucket without the setting, and one whose setting is another bucket's", () => {
    const { violations, unknown } = judgeStack(rule, [bucket({ bucket: "a" }), setting({ bucket: "b" })]);
    expect({ violations, unknown }).toEqual({ violations: [message], unknown: [] });
    expect(judgeStack(rule, [bucket(), setting({})]).violations).toEqual([message]);
  });

  test("passes a setting made from the bucket, or naming it", () => {
    expect(judgeStack(rule, [bucket(), setting({ bucket: UNKNOWN }, [urnOf(bucket())])])).toEqual(PASS);
    expect(judgeStack(rule, [bucket({ bucket: "a" }), setting({ bucket: "a" })])).toEqual(PASS);
  });

  test("leaves open a setting whose bucket is not known yet", () => {
    expect(judgeStack(rule, [bucket({ bucket: "a" }), setting({ bucket: UNKNOWN })])).toEqual({
      violations: [],
      unknown: [expect.stringContaining(".bucket can't be known")],
    });
  });

  test("asks nothing of a stack without buckets", () => {
    expect(judgeStack(rule, [setting({ bucket: "b" })])).toEqual(PASS);
  });
});

describe("bucket-versioned", () => {
  test("refuses versioning that is off", () => {
    const message = (status: string) =>
      `versioningConfiguration.status is ${status}; only "Enabled" keeps earlier versions. Set it to "Enabled".`;
    refuses(
      bucketVersioned,
      "versioning",
      { versioningConfiguration: { status: "Suspended" } },
      message('"Suspended"'),
    );
    refuses(bucketVersioned, "versioning", {}, message("undefined"));
    passes(bucketVersioned, "versioning", { versioningConfiguration: { status: "Enabled" } });
  });

  test("passes versioning that the bucket itself declares", () => {
    expect(judgeStack(bucketVersioned, [bucket({ versioning: { enabled: true } })])).toEqual(PASS);
    expect(judgeStack(bucketVersioned, [bucket({ versioning: { enabled: false } })]).violations).toHaveLength(1);
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(bucketVersioned, "versioning", { versioningConfiguration: { status: UNKNOWN } });
    expect(judgeStack(bucketVersioned, [bucket({ versioning: { enabled: UNKNOWN } })]).unknown).toHaveLength(1);
  });
});

describe("bucket-not-public", () => {
  const all = { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true };

  test("passes a block of everything", () => passes(bucketNotPublic, "publicAccessBlock", all));

  test.each(Object.keys(all))("refuses a block without %s", (key) => {
    refuses(
      bucketNotPublic,
      "publicAccessBlock",
      { ...all, [key]: false },
      `${key} is not true, which lets the bucket become public; all four have to be. Set it to true.`,
    );
  });

  test("refuses a block of nothing", () => {
    refuses(
      bucketNotPublic,
      "publicAccessBlock",
      {},
      `${Object.keys(all).join(", ")} are not true, which lets the bucket become public; all four have to be. Set them to true.`,
    );
  });

  test.each(["public-read", "public-read-write", "authenticated-read"])("refuses the ACL %s", (acl) => {
    const message = `acl is "${acl}", which opens the bucket to others; only "private" is allowed. Set it to "private" or leave it out.`;
    refuses(bucketNotPublic, "bucket", { acl }, message);
    refuses(bucketNotPublic, "acl", { acl }, message);
  });

  test("passes a closed ACL, or none", () => {
    for (const inputs of [{ acl: "private" }, {}]) passes(bucketNotPublic, "bucket", inputs);
  });

  const policy = (statement: object) => ({ policy: JSON.stringify({ Statement: [statement] }) });

  test.each(["*", { AWS: "*" }, { AWS: ["arn:aws:iam::1:root", "*"] }])(
    "refuses a policy for everybody: %j",
    (Principal) => {
      refuses(
        bucketNotPublic,
        "bucketPolicy",
        policy({ Effect: "Allow", Principal, Action: "s3:GetObject" }),
        'policy allows Principal "*" without a condition: everybody. Name the accounts or roles that may.',
      );
    },
  );

  test("refuses one statement for everybody among others", () => {
    const Statement = [
      { Effect: "Allow", Principal: "*" },
      { Effect: "Deny", Principal: "*" },
    ];
    const { violations } = judge(bucketNotPublic, unchecked("bucketPolicy", { policy: { Statement } }));
    expect(violations).toEqual([expect.stringContaining('policy allows Principal "*"')]);
  });

  test.each([
    { Effect: "Deny", Principal: "*", Action: "s3:*" },
    { Effect: "Allow", Principal: "*", Condition: { StringEquals: { "aws:SourceVpce": "v" } } },
    { Effect: "Allow", Principal: { AWS: "arn:aws:iam::1:root" } },
    { Effect: "Allow", Principal: null },
    { Effect: "Allow" },
  ])("passes a policy that names who may: %j", (statement) =>
    passes(bucketNotPublic, "bucketPolicy", policy(statement)),
  );

  test("cannot pass a policy that it cannot read", () => {
    for (const text of ["not JSON", '{"Statement":[{"Effect":"Perhaps"}]}']) {
      const resource = unchecked("bucketPolicy", { policy: text });
      expect(() => judge(bucketNotPublic, resource)).toThrow(/a policy document of this stack cannot be read/);
    }
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(bucketNotPublic, "bucket", { acl: UNKNOWN });
    leavesOpen(bucketNotPublic, "bucketPolicy", { policy: UNKNOWN });
    leavesOpen(bucketNotPublic, "bucketPolicy", { policy: { Statement: [{ Effect: "Allow", Principal: UNKNOWN }] } });
  });
});

describe("bucket-encrypted", () => {
  const rules = (...algorithms: (string | undefined)[]) => ({
    rules: algorithms.map((sseAlgorithm) => ({ applyServerSideEncryptionByDefault: { sseAlgorithm } })),
  });

  test("passes either algorithm, and only KMS where that is asked for", () => {
    passes(bucketEncrypted, "encryption", rules("AES256"));
    passes(bucketEncrypted, "encryption", rules("aws:kms"), { requireKms: true });
    passes(bucketEncrypted, "encryption", rules("aws:kms:dsse"), { requireKms: true });
    refuses(
      bucketEncrypted,
      "encryption",
      rules("AES256"),
      'sseAlgorithm is "AES256"; a key of AWS KMS is needed. Set it to "aws:kms", with kmsMasterKeyId.',
      { requireKms: true },
    );
  });

  test("finds the algorithm that is not KMS's behind a rule that has none", () => {
    const { violations } = judge(bucketEncrypted, unchecked("encryption", rules(undefined, "AES256")), {
      requireKms: true,
    });
    expect(violations).toEqual([expect.stringContaining('sseAlgorithm is "AES256"')]);
  });

  test.each([{}, { rules: [] }, { rules: [{ bucketKeyEnabled: true }] }])("refuses no algorithm: %j", (inputs) => {
    refuses(
      bucketEncrypted,
      "encryption",
      inputs,
      'rules names 0 algorithms, 1 is needed. Set applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } or "aws:kms".',
    );
  });

  test("passes encryption that the bucket itself declares", () => {
    expect(judgeStack(bucketEncrypted, [bucket({ serverSideEncryptionConfiguration: { rule: {} } })])).toEqual(PASS);
  });

  test("leaves open what is not known yet", () => leavesOpen(bucketEncrypted, "encryption", { rules: UNKNOWN }));
});

describe("bucket-kept", () => {
  test("refuses a bucket whose objects go with it", () => {
    refuses(
      bucketKept,
      "bucket",
      { forceDestroy: true },
      "forceDestroy is true, which deletes every object with the bucket; only false is allowed. Set it to false or leave it out.",
    );
    for (const inputs of [{ forceDestroy: false }, {}]) passes(bucketKept, "bucket", inputs);
  });

  test("leaves open what is not known yet", () => leavesOpen(bucketKept, "bucket", { forceDestroy: UNKNOWN }));
});

describe("lifecycle-keeps-current", () => {
  const old = { id: "old", status: "Enabled", noncurrentVersionExpiration: { noncurrentDays: 90 } };

  test("passes what deletes only earlier versions, abandoned uploads and stray markers", () => {
    for (const rules of [
      undefined,
      [],
      [old],
      [{ ...old, expiration: { expiredObjectDeleteMarker: true } }],
      [{ ...old, expiration: { days: 0 } }],
      [{ ...old, status: "Disabled", expiration: { days: 30 } }],
    ]) {
      passes(lifecycleKeepsCurrent, "lifecycle", { rules });
    }
  });

  test("refuses what deletes current versions, after days or on a day", () => {
    const fix = "they must stay. Use noncurrentVersionExpiration, which deletes earlier versions only.";
    refuses(
      lifecycleKeepsCurrent,
      "lifecycle",
      { rules: [old, { id: "all", status: "Enabled", expiration: { days: 30 } }] },
      `rule "all" deletes current versions after 30 days; ${fix}`,
    );
    refuses(
      lifecycleKeepsCurrent,
      "lifecycle",
      { rules: [{ id: "all", status: "Enabled", expiration: { date: "2027-01-01T00:00:00Z" } }] },
      `rule "all" deletes current versions on 2027-01-01T00:00:00Z; ${fix}`,
    );
    refuses(
      lifecycleKeepsCurrent,
      "bucket",
      { lifecycleRules: [{ enabled: true, expiration: { days: 7 } }] },
      `lifecycleRules deletes current versions after 7 days; ${fix}`,
    );
    refuses(
      lifecycleKeepsCurrent,
      "bucket",
      { lifecycleRules: [{ enabled: true }, { enabled: true, expiration: { date: "2027-01-01" } }] },
      `lifecycleRules deletes current versions on 2027-01-01; ${fix}`,
    );
    passes(lifecycleKeepsCurrent, "bucket", { lifecycleRules: [{ enabled: false, expiration: { days: 7 } }] });
    passes(lifecycleKeepsCurrent, "bucket", { lifecycleRules: [{ enabled: true }] });
    passes(lifecycleKeepsCurrent, "bucket", {});
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(lifecycleKeepsCurrent, "lifecycle", { rules: [{ ...old, expiration: { days: UNKNOWN } }] });
  });
});

describe("iam-prefix-only", () => {
  const arn = "arn:aws:s3:::results";
  const allow = (Action: unknown, Resource: unknown, more: object = {}) => ({
    Effect: "Allow",
    Action,
    Resource,
    ...more,
  });
  const policy = (...Statement: object[]) => ({ policy: JSON.stringify({ Version: "2012-10-17", Statement }) });
  const listing = { StringLike: { "s3:prefix": ["fleet", "fleet/*"] } };

  test("passes a key for one prefix of one bucket", () => {
    const whole = policy(
      allow(["s3:ListBucket"], arn, { Condition: listing }),
      allow(["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], arn),
      allow(["s3:PutObject", "s3:GetObject"], [`${arn}/fleet/*`]),
      { Effect: "Deny", Action: "s3:*", Resource: "*" },
      allow(["sqs:SendMessage", "sqs:Get*"], "*"),
      { Effect: "Allow", Resource: "*" },
      { Effect: "Allow", Action: "s3:GetObject" },
    );
    passes(iamPrefixOnly, "userPolicy", whole);
    passes(iamPrefixOnly, "managedPolicy", { policy: { Statement: allow("s3:GetObject", `${arn}/f/*`) } });
  });

  const limited = "it must be limited to one prefix of one bucket.";
  test.each([
    ["every action", allow("*", `${arn}/fleet/*`), "allows *. Name the actions: s3:GetObject, s3:PutObject …"],
    [
      "every S3 action",
      allow(["s3:Get*"], `${arn}/fleet/*`),
      "allows s3:Get*. Name the actions: s3:GetObject, s3:PutObject …",
    ],
    [
      "what is spelt with capitals, as IAM reads it all the same",
      allow("S3:PutObject*", `${arn}/fleet/*`),
      "allows S3:PutObject*. Name the actions: s3:GetObject, s3:PutObject …",
    ],
    [
      "some actions by a mark for any letter",
      allow("s3:?etObject", `${arn}/fleet/*`),
      "allows s3:?etObject. Name the actions: s3:GetObject, s3:PutObject …",
    ],
    [
      "listing in capitals",
      allow("s3:LISTBUCKET", arn),
      "allows s3:LISTBUCKET of the whole bucket. Add a Condition on s3:prefix",
    ],
    [
      "the second of two actions",
      allow(["s3:GetObject", "s3:ListBucket"], `${arn}/fleet/*`),
      `allows s3:ListBucket on ${arn}/fleet/*. Name one bucket`,
    ],
    [
      "what is no ARN",
      allow("s3:GetObject", `x${arn}/fleet/*`),
      `allows s3:GetObject on x${arn}/fleet/*. Name a prefix: arn:aws:s3:::bucket/prefix/*`,
    ],
    [
      "what is no ARN of a bucket",
      allow("s3:GetBucketLocation", `x${arn}`),
      `allows s3:GetBucketLocation on x${arn}. Name one bucket`,
    ],
    [
      "every bucket whose name begins so",
      allow("s3:GetBucketLocation", `${arn}*`),
      `allows s3:GetBucketLocation on ${arn}*. Name one bucket`,
    ],
    ["everything", allow("s3:GetObject", "*"), "allows s3:GetObject on *. Name a prefix: arn:aws:s3:::bucket/prefix/*"],
    [
      "every bucket",
      allow("s3:GetObject", ["arn:aws:s3:::*/a"]),
      "allows s3:GetObject on arn:aws:s3:::*/a. Name a prefix: arn:aws:s3:::bucket/prefix/*",
    ],
    [
      "a whole bucket",
      allow("s3:PutObject", `${arn}/*`),
      `allows s3:PutObject on ${arn}/*. Name a prefix: arn:aws:s3:::bucket/prefix/*`,
    ],
    [
      "one prefix and a whole bucket",
      allow("s3:PutObject", [`${arn}/fleet/*`, `${arn}/?*`]),
      `allows s3:PutObject on ${arn}/?*. Name a prefix: arn:aws:s3:::bucket/prefix/*`,
    ],
    [
      "a bucket's location anywhere",
      allow("s3:GetBucketLocation", "arn:aws:s3:::*"),
      "allows s3:GetBucketLocation on arn:aws:s3:::*. Name one bucket",
    ],
    [
      "listing all of it",
      allow("s3:ListBucket", arn),
      "allows s3:ListBucket of the whole bucket. Add a Condition on s3:prefix",
    ],
    [
      "listing on another condition",
      allow("s3:ListBucketVersions", arn, { Condition: { Bool: { "aws:SecureTransport": "true" } } }),
      "allows s3:ListBucketVersions of the whole bucket. Add a Condition on s3:prefix",
    ],
    [
      "all but some actions",
      { Effect: "Allow", NotAction: "iam:*", Resource: arn },
      "allows everything but what it names (NotAction, NotResource). Name what is allowed",
    ],
    [
      "all but some resources",
      { Effect: "Allow", Action: "s3:GetObject", NotResource: arn },
      "allows everything but what it names (NotAction, NotResource). Name what is allowed",
    ],
  ])("refuses %s", (_, statement, problem) => {
    refuses(iamPrefixOnly, "userPolicy", policy(statement), `policy ${problem}; ${limited}`);
  });

  test("refuses a statement after one that is right, and one that is alone", () => {
    const wide = allow("s3:*", "*");
    const message = `policy allows s3:*. Name the actions: s3:GetObject, s3:PutObject …; ${limited}`;
    refuses(iamPrefixOnly, "userPolicy", policy(allow("s3:GetObject", `${arn}/fleet/*`), wide), message);
    refuses(iamPrefixOnly, "managedPolicy", { policy: { Statement: wide } }, message);
  });

  test("cannot pass a policy that it cannot read", () => {
    expect(() => judge(iamPrefixOnly, unchecked("userPolicy", {}))).toThrow(/cannot be read/);
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(iamPrefixOnly, "userPolicy", { policy: UNKNOWN });
    leavesOpen(iamPrefixOnly, "managedPolicy", { policy: { Statement: [allow("s3:GetObject", UNKNOWN)] } });
  });
});

describe("prefix-not-shared", () => {
  const target = (name: string, prefix: unknown, of = "results") => ({
    ...unchecked("target", { bucket: of, prefix }),
    name,
  });

  test.each([
    ["results/a", "results/a"],
    ["results/a", "results/a/"],
    ["results", "results/a"],
    ["results/a/b", "results/a"],
    ["results/a//", "results/a"],
    ["results/a//", "results/a/b"],
    ["", "results/a"],
  ])("refuses %j beside %j, and reports the same of two in whichever order they come", (one, other) => {
    const both = [target("first", one), target("second", other)];
    for (const stack of [both, both.toReversed()]) {
      expect(judgeStack(prefixNotShared, stack).violations).toEqual([
        `second: it copies to s3://results/${other}, and first to s3://results/${one}. Give each a prefix of its own.`,
      ]);
    }
  });

  test("takes a target without a prefix for all of its bucket", () => {
    expect(judgeStack(prefixNotShared, [target("a", undefined), target("b", "x")]).violations).toEqual([
      "b: it copies to s3://results/x, and a to s3://results/. Give each a prefix of its own.",
    ]);
  });

  test("passes prefixes and buckets of their own", () => {
    expect(
      judgeStack(prefixNotShared, [target("a", "results/a"), target("b", "results/a-2"), target("c", "x")]),
    ).toEqual(PASS);
    expect(judgeStack(prefixNotShared, [target("a", "results"), target("b", "results", "other")])).toEqual(PASS);
  });

  const worker = (fleet: string | undefined, name: string, binding: unknown) => ({
    ...unchecked("instance", { copyOut: { target: binding } }),
    name,
    ...(fleet === undefined ? {} : { fleet }),
  });
  const binding = { bucket: "results", prefix: "results/a" };

  test("refuses two fleets with one target between them, and passes the workers of one", () => {
    const [a0, a1, b0] = [worker("a", "a-0", binding), worker("a", "a-1", binding), worker("b", "b-0", binding)];
    expect(judgeStack(prefixNotShared, [target("a", "results/a"), a0, a1])).toEqual(PASS);
    expect(judgeStack(prefixNotShared, [a0, a1, b0]).violations).toEqual([
      "b: it copies to s3://results/results/a, and a to s3://results/results/a. Give each a prefix of its own.",
    ]);
    expect(judgeStack(prefixNotShared, [worker("a", "a-0", undefined), worker("b", "b-0", undefined)])).toEqual(PASS);
    expect(judgeStack(prefixNotShared, [a0, worker("b", "b-0", { ...binding, prefix: "results/b" })])).toEqual(PASS);
    expect(
      judgeStack(prefixNotShared, [a0, worker("b", "b-0", undefined), worker(undefined, "lone", binding)]),
    ).toEqual(PASS);
  });

  test("leaves open what is not known yet", () => {
    const { violations, unknown } = judgeStack(prefixNotShared, [target("a", "x"), target("b", UNKNOWN)]);
    expect(violations).toEqual([]);
    expect(unknown).toHaveLength(1);
    expect(judgeStack(prefixNotShared, [worker("a", "a-0", UNKNOWN)]).unknown).toHaveLength(1);
  });
});
