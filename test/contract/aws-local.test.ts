import {
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  PutBucketTaggingCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AwsPlugin } from "../support/aws-plugin.ts";
import { type AwsScene, openAwsScene, put } from "../support/aws-scene.ts";

const BUCKET = "aws:s3/bucket:Bucket";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy";
const OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls";
const OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2";
const ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
const LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";

let scene: AwsScene;
let plugin: AwsPlugin;
let root: S3Client;

beforeAll(async () => {
  scene = await openAwsScene();
  ({ plugin, root } = scene);
});

afterAll(() => scene?.close());

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
    const withTags = await scene.startPlugin({ defaultTags: '{"tags":{"owner":"me"}}' });
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
    const other = await scene.startPlugin();
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
