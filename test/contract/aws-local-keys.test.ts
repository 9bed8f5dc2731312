import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../support/aws-plugin.ts";
import { type AwsScene, openAwsScene, put } from "../support/aws-scene.ts";

const BUCKET = "aws:s3/bucket:Bucket";
const USER = "aws:iam/user:User";
const USER_POLICY = "aws:iam/userPolicy:UserPolicy";
const POLICY = "aws:iam/policy:Policy";
const ATTACHMENT = "aws:iam/userPolicyAttachment:UserPolicyAttachment";
const ACCESS_KEY = "aws:iam/accessKey:AccessKey";

let scene: AwsScene;
let plugin: AwsPlugin;
let root: S3Client;

beforeAll(async () => {
  scene = await openAwsScene();
  ({ plugin, root } = scene);
});

afterAll(() => scene?.close());

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
    return { user, key, client: scene.clientOf({ accessKeyId: key.id, secretAccessKey: String(key.state.secret) }) };
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
