import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AWS_STAND_IN, localEnv } from "../../tools/local.ts";
import { type S3Server, startS3Server } from "../../tools/s3.ts";

/** A small program of the real @pulumi/aws, in the shape of ours: what outlives a destroy, and a key that does not. */
const PROGRAM = `
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

const name = "engine-results";
const exists = await aws.s3.getBucket({ bucket: name }).then(() => true, () => false);
const kept = { retainOnDelete: true };
const bucket = new aws.s3.Bucket("results", { bucket: name }, { ...kept, import: exists ? name : undefined });
new aws.s3.BucketVersioning("results", { bucket: bucket.bucket, versioningConfiguration: { status: "Enabled" } }, kept);
new aws.s3.BucketPublicAccessBlock("results", { bucket: bucket.bucket, blockPublicAcls: true }, kept);
new aws.s3.BucketServerSideEncryptionConfiguration("results", {
  bucket: bucket.bucket,
  rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
}, kept);
const user = new aws.iam.User("sync");
const document = aws.iam.getPolicyDocumentOutput({
  statements: [{ actions: ["s3:GetObject", "s3:PutObject"], resources: [pulumi.interpolate\`\${bucket.arn}/in/*\`] }],
});
const policy = new aws.iam.UserPolicy("sync", { user: user.name, policy: document.json });
const key = new aws.iam.AccessKey("sync", { user: user.name }, { dependsOn: policy });

export const userName = user.name;
export const accessKeyId = key.id;
export const secretAccessKey = key.secret;
`;

let dir: string;
let server: S3Server;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "aws-engine-"));
  for (const folder of ["state", "pulumi-home", "program"]) mkdirSync(join(dir, folder));
  server = await startS3Server({ dir: join(dir, "s3") });
  const program = (name: string) => join(dir, "program", name);
  writeFileSync(program("Pulumi.yaml"), "name: aws-local-test\nmain: index.js\nruntime: nodejs\n");
  writeFileSync(program("package.json"), '{ "type": "module" }');
  writeFileSync(program("index.js"), PROGRAM);
  symlinkSync(join(import.meta.dirname, "../../node_modules"), program("node_modules"));
  await pulumi(["stack", "init", "test"]);
});

afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function pulumi(args: string[], options: { reject?: boolean } = {}) {
  const env = localEnv({ dir, s3Url: server.url, iamUrl: server.iamUrl });
  const PATH = [AWS_STAND_IN, process.env.PATH].join(delimiter);
  return execa("pulumi", [...args, "--non-interactive"], {
    cwd: join(dir, "program"),
    env: { ...env, PATH },
    all: true,
    ...options,
  });
}

async function outputs(): Promise<{ userName: string; accessKeyId: string; secretAccessKey: string }> {
  return JSON.parse((await pulumi(["stack", "output", "--json", "--show-secrets"])).stdout);
}

function clientOf(credentials: { accessKeyId: string; secretAccessKey: string }): S3Client {
  return new S3Client({ endpoint: server.url, region: server.region, forcePathStyle: true, credentials });
}

const put = (client: S3Client, Key: string) =>
  client.send(new PutObjectCommand({ Bucket: "engine-results", Key, Body: "bytes" }));

describe("the real engine and the real SDK on the AWS stand-in", { timeout: 240_000 }, () => {
  test("a stack is made, stays as it is, gives up its key on destroy and finds its bucket again", async () => {
    const up = await pulumi(["up", "--yes", "--skip-preview"]);
    expect(up.all.match(/kept in the Pulumi state only/g)).toHaveLength(2);
    const first = await outputs();
    expect(first.userName).toMatch(/^sync-[0-9a-f]{7}$/);
    await put(clientOf(first), "in/checkpoint");
    await expect(put(clientOf(first), "out/checkpoint")).rejects.toThrow("not authorized");

    const { stdout: state } = await pulumi(["stack", "export"]);
    expect(state).not.toContain(first.secretAccessKey);
    expect(up.all).not.toContain(first.secretAccessKey);

    await pulumi(["refresh", "--yes", "--skip-preview", "--expect-no-changes"]);
    await pulumi(["up", "--yes", "--skip-preview", "--expect-no-changes"]);

    await pulumi(["destroy", "--yes", "--skip-preview"]);
    await expect(put(clientOf(first), "in/late")).rejects.toThrow("does not exist in our records");

    const again = await pulumi(["up", "--yes", "--skip-preview"]);
    expect(again.all).toContain("1 imported");
    const object = await clientOf(await outputs()).send(
      new GetObjectCommand({ Bucket: "engine-results", Key: "in/checkpoint" }),
    );
    expect(await object.Body?.transformToString()).toBe("bytes");
  });

  test("a refresh without the server is an error, and drops nothing from the state", async () => {
    // Goes on with the stack of the test above: there has to be something to drop.
    const resources = async () => JSON.parse((await pulumi(["stack", "export"])).stdout).deployment.resources.length;
    const before = await resources();
    expect(before).toBeGreaterThan(5);
    await server.stop();

    const refresh = await pulumi(["refresh", "--yes", "--skip-preview"], { reject: false });

    expect(refresh.exitCode).not.toBe(0);
    expect(refresh.all).toContain("the local S3 server does not answer");
    expect(await resources()).toBe(before);
  });
});
