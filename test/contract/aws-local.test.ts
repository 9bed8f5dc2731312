import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketTaggingCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Props } from "../../tools/aws-local/wire.ts";
import { type S3Server, startS3Server } from "../../tools/s3.ts";
import { type AwsPlugin, startAwsPlugin } from "../support/aws-plugin.ts";

const BUCKET = "aws:s3/bucket:Bucket";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy";
const OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
const OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2";
const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
const LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";
const USER = "aws:iam/user:User";
const USER_POLICY = "aws:iam/userPolicy:UserPolicy";
const POLICY = "aws:iam/policy:Policy";
const ATTACHMENT = "aws:iam/userPolicyAttachment:UserPolicyAttachment";
const ACCESS_KEY = "aws:iam/accessKey:AccessKey";

let dir: string;
let server: S3Server;
let plugin: AwsPlugin;
let root: S3Client;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "aws-local-"));
  server = await startS3Server({ dir });
  plugin = await startPlugin();
  root = clientOf(server);
});

afterAll(async () => {
  await plugin?.stop();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function startPlugin(settings: Props = {}): Promise<AwsPlugin> {
  const started = await startAwsPlugin({
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_REGION: server.region,
    AWS_ENDPOINT_URL_S3: server.url,
    AWS_ENDPOINT_URL_IAM: server.iamUrl,
  });
  await started.configure(settings);
  return started;
}

function clientOf(credentials: { accessKeyId: string; secretAccessKey: string }): S3Client {
  return new S3Client({ endpoint: server.url, region: server.region, forcePathStyle: true, credentials });
}

const put = (client: S3Client, Bucket: string, Key: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: "bytes" }));

describe("a bucket", () => {
  test("is made on the server, with what the SDK's users read of it", async () => {
    const { id, state } = await plugin.create(BUCKET, { bucket: "made", tags: { team: "a" } });

    expect(id).toBe("made");
    expect(state).toMatchObject({
      arn: "arn:aws:s3:::made",
      bucketRegionalDomainName: "made.s3.us-east-1.amazonaws.com",
      tagsAll: { team: "a" },
    });
    await put(root, "made", "a");
  });

  test("gets its resource's name and seven hex digits when it is given none, and keeps that", async () => {
    const first = await plugin.check(BUCKET, "Results", {});
    const second = await plugin.check(BUCKET, "Results", {}, first.inputs);

    expect(first.inputs.bucket).toMatch(/^results-[0-9a-f]{7}$/);
    expect(second.inputs).toEqual(first.inputs);
    expect((await plugin.diff(BUCKET, first.inputs, second.inputs)).changed).toEqual([]);
  });

  test("changes its tags in place; a change behind the stack's back shows in a refresh", async () => {
    const { id, state, inputs } = await plugin.create(BUCKET, { bucket: "tagged", tags: { team: "a" } });
    const wanted = { ...inputs, tags: { team: "b" } };
    expect(await plugin.diff(BUCKET, inputs, wanted)).toMatchObject({ changed: ["tags"], replaces: [] });
    const updated = await plugin.update(BUCKET, id, state, wanted);
    expect((await plugin.read(BUCKET, id, updated, wanted)).inputs).toMatchObject({ tags: { team: "b" } });

    const TagSet = [{ Key: "team", Value: "someone else" }];
    await root.send(new PutBucketTaggingCommand({ Bucket: id, Tagging: { TagSet } }));

    expect((await plugin.read(BUCKET, id, updated, wanted)).inputs).toMatchObject({ tags: { team: "someone else" } });
  });

  test("is replaced when its name changes, made first because the names differ", async () => {
    const { inputs } = await plugin.check(BUCKET, "x", { bucket: "before" });

    const diff = await plugin.diff(BUCKET, inputs, { ...inputs, bucket: "after" });

    expect(diff).toEqual({ changed: ["bucket"], replaces: ["bucket"], deleteFirst: false });
  });

  test("cannot be deleted while it holds an object, or an old version of one", async () => {
    const { id, state } = await plugin.create(BUCKET, { bucket: "full" });
    await plugin.create(VERSIONING, { bucket: id, versioningConfiguration: { status: "Enabled" } });
    await put(root, id, "a");
    await expect(plugin.delete(BUCKET, id, state)).rejects.toThrow(/deleting S3 Bucket \(full\): BucketNotEmpty/);

    await root.send(new DeleteObjectCommand({ Bucket: id, Key: "a" }));

    await expect(plugin.delete(BUCKET, id, state)).rejects.toThrow("You must delete all versions in the bucket");
    expect((await plugin.read(BUCKET, id, state, {})).id).toBe(id);
  });

  test("goes with everything in it when forceDestroy is set", async () => {
    const { id, state } = await plugin.create(BUCKET, { bucket: "forced", forceDestroy: true });
    await plugin.create(VERSIONING, { bucket: id, versioningConfiguration: { status: "Enabled" } });
    for (const key of ["a", "a", "b"]) await put(root, id, key);

    await plugin.delete(BUCKET, id, state);

    expect((await plugin.read(BUCKET, id, state, {})).id).toBe("");
  });

  test("that exists already is not created again, but can be imported as it is", async () => {
    const { inputs } = await plugin.create(BUCKET, { bucket: "mine", tags: { team: "a" } });
    await expect(plugin.create(BUCKET, { bucket: "mine" })).rejects.toThrow(/\(mine\): .*use the import option/);

    const imported = await plugin.read(BUCKET, "mine");

    expect(imported.id).toBe("mine");
    expect(await plugin.diff(BUCKET, imported.inputs, inputs)).toMatchObject({ changed: [] });
  });

  test("shows the tags of the stack in tagsAll only", async () => {
    const withTags = await startPlugin({ defaultTags: '{"tags":{"owner":"me"}}' });
    try {
      const { id, state, inputs } = await withTags.create(BUCKET, { bucket: "owned", tags: { team: "a" } });

      expect(state).toMatchObject({ tags: { team: "a" }, tagsAll: { owner: "me", team: "a" } });
      expect((await withTags.read(BUCKET, id, state, inputs)).inputs.tags).toEqual({ team: "a" });
    } finally {
      await withTags.stop();
    }
  });

  test("can be looked up, and a missing one is an error", async () => {
    await plugin.create(BUCKET, { bucket: "looked-up" });

    expect(await plugin.invoke("aws:s3/getBucket:getBucket", { bucket: "looked-up" })).toMatchObject({
      id: "looked-up",
    });
    expect(await plugin.invoke("aws:s3/getBuckets:getBuckets", { prefix: "looked" })).toMatchObject({
      buckets: [{ name: "looked-up" }],
    });
    await expect(plugin.invoke("aws:s3/getBucket:getBucket", { bucket: "nowhere" })).rejects.toThrow(
      "reading S3 Bucket (nowhere): couldn't find resource",
    );
  });
});

describe("a bucket's settings", () => {
  test("that the server has are real: versioning, policy, ownership", async () => {
    const bucket = (await plugin.create(BUCKET, { bucket: "settings" })).id;
    const versioning = await plugin.create(VERSIONING, { bucket, versioningConfiguration: { status: "Enabled" } });
    const Statement = [
      { Effect: "Deny", Principal: "*", Action: "s3:DeleteObject", Resource: "arn:aws:s3:::settings/*" },
    ];
    const policy = await plugin.create(BUCKET_POLICY, { bucket, policy: { Version: "2012-10-17", Statement } });
    const ownership = await plugin.create(OWNERSHIP, { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } });

    expect(await root.send(new GetBucketVersioningCommand({ Bucket: bucket }))).toMatchObject({ Status: "Enabled" });
    for (const [type, made] of [
      [VERSIONING, versioning],
      [BUCKET_POLICY, policy],
      [OWNERSHIP, ownership],
    ] as const) {
      const found = await plugin.read(type, made.id, made.state, made.inputs);
      expect(await plugin.diff(type, made.inputs, found.inputs)).toMatchObject({ changed: [] });
      await plugin.delete(type, made.id, made.state);
    }
    expect(await root.send(new GetBucketVersioningCommand({ Bucket: bucket }))).toMatchObject({ Status: "Suspended" });
    expect((await plugin.read(BUCKET_POLICY, bucket, policy.state, policy.inputs)).id).toBe("");
  });

  test("that the server lacks are kept in the state, and one line says so for all of them", async () => {
    const bucket = (await plugin.create(BUCKET, { bucket: "recorded" })).id;
    const other = await startPlugin();
    try {
      const rules = [{ id: "old", status: "Enabled" }];
      const { id, state, inputs } = await other.create(LIFECYCLE, { bucket, rules });
      await other.create(ENCRYPTION, { bucket, rules: [] });

      expect((await other.read(LIFECYCLE, id, state, inputs)).state).toMatchObject({ rules });
      expect(other.log().match(/kept in the Pulumi state only/g)).toHaveLength(1);
      await expect(other.create(LIFECYCLE, { bucket: "nowhere", rules })).rejects.toThrow("NoSuchBucket");
    } finally {
      await other.stop();
    }
  });
});

test("an object of the stack is uploaded, and goes with all its versions", async () => {
  const bucket = (await plugin.create(BUCKET, { bucket: "objects" })).id;
  await plugin.create(VERSIONING, { bucket, versioningConfiguration: { status: "Enabled" } });
  const { id, state, inputs } = await plugin.create(OBJECT, { bucket, content: "first" }, "notes.txt");
  const updated = await plugin.update(OBJECT, id, state, { ...inputs, content: "second" });

  const object = await root.send(new GetObjectCommand({ Bucket: bucket, Key: "notes.txt" }));
  expect(await object.Body?.transformToString()).toBe("second");

  await plugin.delete(OBJECT, id, updated);
  await plugin.delete(BUCKET, bucket, {});
});

describe("an access key", () => {
  const statements = (bucket: string) => [
    {
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: `arn:aws:s3:::${bucket}`,
      Condition: { StringLike: { "s3:prefix": "in/*" } },
    },
    { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: `arn:aws:s3:::${bucket}/in/*` },
  ];

  async function userWithKey(name: string) {
    const user = await plugin.create(USER, { name });
    const key = await plugin.create(ACCESS_KEY, { user: name });
    return { user, key, client: clientOf({ accessKeyId: key.id, secretAccessKey: String(key.state.secret) }) };
  }

  test("puts, gets and lists under its prefix, and nowhere else", async () => {
    const bucket = (await plugin.create(BUCKET, { bucket: "limited" })).id;
    const { client } = await userWithKey("limited-user");
    const policy = { Version: "2012-10-17", Statement: statements(bucket) };
    await plugin.create(USER_POLICY, { user: "limited-user", policy });
    const list = (Prefix?: string) => client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }));
    await put(root, bucket, "out/a");

    await put(client, bucket, "in/a");

    expect((await list("in/")).Contents).toMatchObject([{ Key: "in/a" }]);
    await client.send(new GetObjectCommand({ Bucket: bucket, Key: "in/a" }));
    await expect(put(client, bucket, "out/b")).rejects.toThrow("not authorized to perform: s3:PutObject");
    await expect(client.send(new GetObjectCommand({ Bucket: bucket, Key: "out/a" }))).rejects.toThrow("s3:GetObject");
    await expect(client.send(new DeleteObjectCommand({ Bucket: bucket, Key: "in/a" }))).rejects.toThrow(
      "s3:DeleteObject",
    );
    await expect(list("out/")).rejects.toThrow("s3:ListBucket");
    await expect(list()).rejects.toThrow("s3:ListBucket");
  });

  test("stops working when it is deleted", async () => {
    const bucket = (await plugin.create(BUCKET, { bucket: "revoked" })).id;
    const { key, client } = await userWithKey("revoked-user");
    await plugin.create(USER_POLICY, {
      user: "revoked-user",
      policy: { Version: "2012-10-17", Statement: statements(bucket) },
    });
    await put(client, bucket, "in/a");

    await plugin.delete(ACCESS_KEY, key.id, key.state);

    await expect(put(client, bucket, "in/a")).rejects.toThrow("does not exist in our records");
    expect((await plugin.read(ACCESS_KEY, key.id, key.state, key.inputs)).id).toBe("");
    await plugin.delete(ACCESS_KEY, key.id, key.state);
  });

  test("can be switched off and on again, and keeps its secret in the state", async () => {
    const bucket = (await plugin.create(BUCKET, { bucket: "switched" })).id;
    const { key, client } = await userWithKey("switched-user");
    await plugin.create(USER_POLICY, {
      user: "switched-user",
      policy: { Version: "2012-10-17", Statement: statements(bucket) },
    });

    const off = await plugin.update(ACCESS_KEY, key.id, key.state, { ...key.inputs, status: "Inactive" });
    await expect(put(client, bucket, "in/a")).rejects.toThrow();
    const on = await plugin.update(ACCESS_KEY, key.id, off, key.inputs);

    await put(client, bucket, "in/a");
    expect(on.secret).toBe(key.state.secret);
    expect((await plugin.read(ACCESS_KEY, key.id, on, key.inputs)).state.secret).toBe(key.state.secret);
  });

  test("hands its secret out marked as one, and never prints it", async () => {
    const { key } = await userWithKey("secret-user");

    expect(key.raw.secret).toMatchObject({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" });
    expect(key.state.secret).toMatch(/^\S{40}$/);
    expect(plugin.log()).not.toContain(key.state.secret);
  });

  test("keeps its user from being deleted before it", async () => {
    const { user, key } = await userWithKey("busy-user");

    await expect(plugin.delete(USER, user.id, user.state)).rejects.toThrow("DeleteConflict");

    await plugin.delete(ACCESS_KEY, key.id, key.state);
    await plugin.delete(USER, user.id, user.state);
    expect((await plugin.read(USER, user.id, user.state, user.inputs)).id).toBe("");
  });

  test("may do what a managed policy says, as long as it is attached to its user", async () => {
    const bucket = (await plugin.create(BUCKET, { bucket: "managed" })).id;
    const { client } = await userWithKey("managed-user");
    const document = { Version: "2012-10-17", Statement: statements(bucket) };
    const policy = await plugin.create(POLICY, { policy: document }, "checkpoints");
    await expect(put(client, bucket, "in/a")).rejects.toThrow("not authorized");

    const attached = await plugin.create(ATTACHMENT, { user: "managed-user", policyArn: policy.id });
    await put(client, bucket, "in/a");
    await expect(plugin.delete(POLICY, policy.id, policy.state)).rejects.toThrow("DeleteConflict");

    const wider = JSON.stringify(document).replace("/in/*", "/*");
    await plugin.update(POLICY, policy.id, policy.state, { ...policy.inputs, policy: wider });
    await put(client, bucket, "out/a");
    expect((await plugin.read(POLICY, policy.id, policy.state, policy.inputs)).state).toMatchObject({
      attachmentCount: 1,
    });

    await plugin.delete(ATTACHMENT, attached.id, attached.state);
    await expect(put(client, bucket, "in/a")).rejects.toThrow("not authorized");
    await plugin.delete(POLICY, policy.id, policy.state);
  });
});

test("two ways of writing one policy document are no change", async () => {
  const olds = { name: "p", user: "u", policy: '{"Version":"2012-10-17","Statement":[]}' };
  const news = { ...olds, policy: '{\n "Statement": [], "Version": "2012-10-17"}' };

  expect((await plugin.diff(USER_POLICY, olds, news)).changed).toEqual([]);
  expect((await plugin.diff(USER_POLICY, olds, { ...news, policy: "{}" })).changed).toEqual(["policy"]);
});

test("a policy document is written from statements as AWS reads it", async () => {
  const { json } = await plugin.invoke("aws:iam/getPolicyDocument:getPolicyDocument", {
    statements: [
      {
        sid: "List",
        actions: ["s3:ListBucket"],
        resources: ["arn:aws:s3:::b"],
        conditions: [{ test: "StringLike", variable: "s3:prefix", values: ["in/*", "in"] }],
      },
      {
        effect: "Deny",
        actions: ["s3:GetObject", "s3:PutObject"],
        resources: ["*"],
        principals: [{ type: "*", identifiers: ["*"] }],
      },
    ],
  });

  expect(JSON.parse(String(json))).toEqual({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "List",
        Effect: "Allow",
        Action: "s3:ListBucket",
        Resource: "arn:aws:s3:::b",
        Condition: { StringLike: { "s3:prefix": ["in/*", "in"] } },
      },
      { Effect: "Deny", Action: ["s3:GetObject", "s3:PutObject"], Resource: "*", Principal: "*" },
    ],
  });
});

test("account and region are the server's", async () => {
  expect(await plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity")).toMatchObject({
    accountId: "000000000000",
  });
  expect(await plugin.invoke("aws:index/getRegion:getRegion")).toMatchObject({ region: "us-east-1" });
});

test("what it does not have is refused by name", async () => {
  const ours = "The local AWS stand-in (tools/aws-local) has no";
  await expect(plugin.create("aws:ec2/instance:Instance", {})).rejects.toThrow(
    `${ours} resource type aws:ec2/instance`,
  );
  await expect(plugin.invoke("aws:ec2/getAmi:getAmi")).rejects.toThrow(`${ours} function aws:ec2/getAmi:getAmi`);
  const { failures } = await plugin.check(BUCKET, "x", { lifecycleRules: [] });
  expect(failures).toEqual([expect.stringContaining('no "lifecycleRules"')]);
});
