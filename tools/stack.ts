import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa, type Result } from "execa";
import { stringify } from "yaml";
import type { LocalCloud } from "./local.ts";

/** The checkout, whose Pulumi.yaml names the program. */
export const REPOSITORY = join(import.meta.dirname, "..");

export interface FleetSettings {
  profile: string;
  workers: number;
  with?: Record<string, unknown>;
  overrides?: Record<string, Record<string, unknown>>;
  volume?: { size: number; mountPath: string };
}

export interface StackOptions {
  local: LocalCloud;
  /** Holds this stack's config file, state and engine home. */
  dir: string;
  name: string;
  /** Virtual seconds per wall second, the same as the simulator's. */
  speed: number;
  fleets: Record<string, FleetSettings>;
}

export type Finished = Result<{ all: true; reject: false }>;

export interface RunOptions {
  env?: Record<string, string>;
  onLine?: (line: string) => void;
  signal?: AbortSignal;
}

/** The checkout's own program as one stack on a local cloud, driven through the real `pulumi` command. */
export interface LocalStack {
  readonly name: string;
  readonly configFile: string;
  readonly env: Record<string, string>;
  /** Runs `pulumi <args>`; a refusal is a result, not an exception. */
  pulumi(args: readonly string[], options?: RunOptions): Promise<Finished>;
  configure(fleets: Record<string, FleetSettings>, more?: Record<string, unknown>): void;
  /** What a person does in the Vast console: enters the key that the stack has made as a cloud connection. */
  connectInConsole(): Promise<{ id: number; name: string }>;
  /** The state as the backend keeps it, secrets encrypted. */
  exportState(): Promise<Deployment>;
}

export interface Deployment {
  deployment: {
    resources?: {
      urn: string;
      type: string;
      id?: string;
      inputs?: Record<string, unknown>;
      outputs?: Record<string, unknown>;
      /** Deleted to be replaced, and its successor could not be made yet. */
      pendingReplacement?: boolean;
    }[];
  };
}

export async function openStack(options: StackOptions): Promise<LocalStack> {
  const { local, dir, name } = options;
  const configFile = join(dir, `Pulumi.${name}.yaml`);
  const home = join(dir, "pulumi-home");
  const backend = join(dir, "state");
  for (const folder of [home, backend]) mkdirSync(folder, { recursive: true });
  const env = {
    ...local.env,
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${backend}`,
    XDG_CACHE_HOME: join(dir, "cache"),
  };
  const owner = randomBytes(8).toString("hex");

  const configure: LocalStack["configure"] = (fleets, more = {}) => {
    const endpoints = [{ s3: local.s3.url, iam: local.s3.iamUrl, sts: local.s3.iamUrl }];
    const salt = encryptionSalt(configFile);
    const config = {
      "vast:apiUrl": local.vastUrl,
      "vast:owner": owner,
      "vast:clockScale": String(options.speed),
      "aws:region": local.s3.region,
      "aws:endpoints": endpoints,
      "aws:s3UsePathStyle": "true",
      "pulumi-vast:tags": { owner: "me", team: "local" },
      "pulumi-vast:fleets": fleets,
      ...more,
    };
    writeFileSync(configFile, stringify({ ...(salt === undefined ? {} : { encryptionsalt: salt }), config }));
  };

  const pulumi: LocalStack["pulumi"] = async (args, run = {}) => {
    const child = execa("pulumi", [...args], {
      cwd: REPOSITORY,
      env: { ...env, ...run.env },
      all: true,
      reject: false,
      stdin: "ignore",
      ...(run.signal === undefined ? {} : { cancelSignal: run.signal }),
    });
    if (run.onLine) for await (const line of child.iterable({ from: "all" })) run.onLine(line);
    return child;
  };

  configure(options.fleets);
  // `stack init` writes the salt of the stack's secrets beside Pulumi.yaml: beside a copy, so that the checkout stays as it is.
  copyFileSync(join(REPOSITORY, "Pulumi.yaml"), join(dir, "Pulumi.yaml"));
  const init = await execa("pulumi", ["stack", "init", name], { cwd: dir, env, all: true, reject: false });
  if (init.exitCode !== 0) throw new Error(`pulumi stack init failed:\n${init.all}`);

  const withStack: LocalStack["pulumi"] = (args, run) =>
    pulumi([...args, "--stack", name, ...(takesConfig(args) ? ["--config-file", configFile] : [])], run);
  const exportState = async () => {
    const { exitCode, stdout, all } = await withStack(["stack", "export"]);
    if (exitCode !== 0) throw new Error(`pulumi stack export failed:\n${all}`);
    return JSON.parse(stdout) as Deployment;
  };

  return {
    name,
    configFile,
    env,
    pulumi: withStack,
    configure,
    exportState,
    connectInConsole: async () => {
      const shown = JSON.parse((await withStack(["stack", "export", "--show-secrets"])).stdout) as Deployment;
      const { accessKeyId, secretAccessKey } = connectionKey(shown);
      return local.admin<{ id: number; name: string }>("POST", "/admin/connections", {
        name: `${name}-${accessKeyId.slice(-6)}`,
        cloud_type: "s3",
        endpoint: local.s3.url,
        region: local.s3.region,
        accessKeyId,
        secretAccessKey,
        forcePathStyle: true,
      });
    },
  };
}

/**
 * The access key for the Vast cloud connection, from a state exported with its secrets shown.
 * @throws Error when the stack has none yet
 */
export function connectionKey({ deployment }: Deployment): { accessKeyId: string; secretAccessKey: string } {
  const key = deployment.resources?.find((resource) => resource.type === "aws:iam/accessKey:AccessKey");
  const secret = (key?.outputs?.secret as { plaintext?: string } | undefined)?.plaintext;
  if (key?.id === undefined || secret === undefined) {
    throw new Error("the stack has no access key for the Vast cloud connection yet: run `pulumi up` first");
  }
  return { accessKeyId: key.id, secretAccessKey: JSON.parse(secret) as string };
}

/** Commands that read the stack's settings; the others do not know the flag. */
function takesConfig(args: readonly string[]): boolean {
  return ["preview", "up", "refresh", "destroy", "config"].includes(args[0] ?? "");
}

function encryptionSalt(configFile: string): string | undefined {
  try {
    return /^encryptionsalt: (.+)$/m.exec(readFileSync(configFile, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}
