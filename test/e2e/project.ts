import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { expect } from "vitest";
import { stringify } from "yaml";
import { type LocalCloud, startLocal } from "../../tools/local.ts";
import { type Deployment, REPOSITORY } from "../../tools/stack.ts";

/** A Vast.ai, an S3 with a bucket, and a cloud connection to it, for programs that are not the checkout's own. */
export interface Cloud extends AsyncDisposable {
  dir: string;
  local: LocalCloud;
  bucket: string;
  connection: string;
  config: Record<string, string>;
  keys(): Promise<string[]>;
}

const SPEED = 240;
const BUCKET = "results";
const CONNECTION = "results-s3";

export interface CloudOptions {
  seed?: number;
  /** Virtual seconds per second, of the service and of who calls it. */
  speed?: number;
  /** Divides the time that machines take to boot. */
  bootFactor?: number;
}

export async function openCloud({ seed = 11, speed = SPEED, bootFactor }: CloudOptions = {}): Promise<Cloud> {
  const dir = mkdtempSync(join(tmpdir(), "pulumi-vast-e2e-"));
  const local = await startLocal({ dir, seed, speed, ...(bootFactor === undefined ? {} : { bootFactor }) });
  const { url: endpoint, region, accessKeyId, secretAccessKey } = local.s3;
  const s3 = new S3Client({ endpoint, region, forcePathStyle: true, credentials: local.s3 });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const connection = { name: CONNECTION, cloud_type: "s3", endpoint, region, accessKeyId, secretAccessKey };
  await local.admin("POST", "/admin/connections", { ...connection, forcePathStyle: true });
  return {
    dir,
    local,
    bucket: BUCKET,
    connection: CONNECTION,
    config: {
      "vast:apiUrl": local.vastUrl,
      "vast:owner": "e2e",
      "vast:clockScale": String(speed),
      "aws:region": region,
      "aws:endpoints": JSON.stringify([{ s3: endpoint, iam: local.s3.iamUrl, sts: local.s3.iamUrl }]),
      "aws:s3UsePathStyle": "true",
    },
    keys: async () => {
      const listed = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }));
      return (listed.Contents ?? []).map((object) => object.Key ?? "");
    },
    [Symbol.asyncDispose]: async () => {
      s3.destroy();
      await local.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface Finished {
  exitCode: number | undefined;
  all: string;
  stdout: string;
}

/** A Pulumi project in a folder of its own, on the cloud's backend. */
export interface Project {
  folder: string;
  env: Record<string, string>;
  write(file: string, text: string): void;
  /** Runs `pulumi <args>`; a refusal is a result, not an exception. */
  pulumi(args: string[], env?: Record<string, string>): Promise<Finished>;
  ok(args: string[]): Promise<Finished>;
  exportState(): Promise<Deployment>;
}

export interface ProjectOptions {
  /** Also the name of its folder; two folders with one project name share its stacks. */
  folder: string;
  name?: string;
  files: Record<string, string>;
  main?: string;
  /** Pulumi's own ts-node compiles the program; otherwise Node runs it. */
  typescript?: boolean;
  packageJson?: object;
  /** Default: the checkout's node_modules. Otherwise they are installed by the caller. */
  ownModules?: boolean;
  config?: Record<string, string> | "none";
}

export const STACK = "dev";

export function openProject(cloud: Cloud, options: ProjectOptions): Project {
  const { main = "index.ts", typescript = false, name = "program" } = options;
  const folder = join(cloud.dir, options.folder);
  mkdirSync(folder, { recursive: true });
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  write("Pulumi.yaml", stringify({ name, runtime: { name: "nodejs", options: { typescript } }, main }));
  const packageJson = { name, version: "1.0.0", private: true, type: "module", ...options.packageJson };
  write("package.json", JSON.stringify(packageJson, null, 2));
  for (const [file, text] of Object.entries(options.files)) write(file, text);
  if (options.config !== "none")
    write(`Pulumi.${STACK}.yaml`, stringify({ config: { ...cloud.config, ...options.config } }));
  if (!options.ownModules) symlinkSync(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  const env = { ...cloud.local.env, XDG_CACHE_HOME: join(cloud.dir, "cache") };

  const pulumi: Project["pulumi"] = async (args, more = {}) => {
    const flags = args[0] === "stack" || args[0] === "config" ? [] : ["--color=never"];
    const result = await execa("pulumi", [...args, "--non-interactive", ...flags], {
      cwd: folder,
      env: { ...env, ...more },
      all: true,
      reject: false,
      stdin: "ignore",
    });
    return { exitCode: result.exitCode, all: result.all, stdout: result.stdout };
  };
  const ok: Project["ok"] = async (args) => {
    const result = await pulumi(args);
    expect(result.exitCode, result.all).toBe(0);
    return result;
  };
  return {
    folder,
    env,
    write,
    pulumi,
    ok,
    exportState: async () => JSON.parse((await ok(["stack", "export"])).stdout) as Deployment,
  };
}

/** Answers `pulumi up` and the like without a preview before it. */
export const YES = ["--yes", "--skip-preview"];
