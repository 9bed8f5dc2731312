import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { type GuardedChild, logTail, spawnGuarded } from "./guarded-child.ts";
import { REGION, ROOT, type S3Server, startS3Server } from "./s3.ts";

const REPOSITORY = join(import.meta.dirname, "..");

/** A Vast.ai and an AWS of one's own, on this machine only. */
export interface LocalCloud {
  readonly vastUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly vastApiKey: string;
  /** The simulator's page: market, instances, events and the bill, live. */
  readonly pageUrl: string;
  readonly s3: S3Server;
  /** What a plain `pulumi` needs to work on it; to be laid over the environment that is there. */
  readonly env: Record<string, string>;
  /** The simulator's admin side: `admin("GET", "/admin/instances")`. */
  admin<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Resolves when one of the servers has ended, asked to or not. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface LocalOptions {
  /** Keeps disks, objects, state and logs. */
  readonly dir: string;
  readonly seed: number | string;
  /** Virtual seconds per second. */
  readonly speed: number;
  /** Default: free ports. The admin side and IAM take the port after. */
  readonly vastPort?: number;
  readonly s3Port?: number;
  /** USD of the simulated account. */
  readonly credit?: number;
  /** Offers on the market; default: those of the simulator. */
  readonly offers?: number;
  /** Divides the time that machines take to boot; default 1. */
  readonly bootFactor?: number;
  /** Default true; false answers calls however fast they follow each other. */
  readonly rateLimits?: boolean;
}

// Good for a simulator on loopback and nothing else. Odd enough to be searched for where no key must be.
const VAST_API_KEY = "local-simulator-key-5f1d0c3a9e7b4d26";
/** That of the committed Pulumi.dev.yaml. */
const PASSPHRASE = "local";

export async function startLocal(options: LocalOptions): Promise<LocalCloud> {
  const { dir, s3Port } = options;
  for (const name of ["simulator", "s3", "state", "pulumi-home"]) mkdirSync(join(dir, name), { recursive: true });
  const s3 = await startS3Server({ dir: join(dir, "s3"), port: s3Port });
  try {
    const simulator = await startSimulator(options);
    return {
      vastUrl: simulator.url,
      adminUrl: simulator.adminUrl,
      adminToken: simulator.adminToken,
      pageUrl: simulator.pageUrl,
      vastApiKey: VAST_API_KEY,
      s3,
      env: {
        ...localEnv({ dir, s3Url: s3.url, iamUrl: s3.iamUrl }),
        PATH: [AWS_STAND_IN, process.env.PATH].join(delimiter),
      },
      admin: (method, path, body) => callAdmin(simulator, method, path, body),
      ended: Promise.race([simulator.child.exited, s3.ended]),
      stop: async () => {
        // Copies under way are dropped by the simulator first: S3 must not vanish under them.
        await simulator.child.stop();
        await s3.stop();
      },
    };
  } catch (error) {
    await s3.stop();
    throw error;
  }
}

/** Holds `pulumi-resource-aws`: first on PATH, it is the engine's AWS plugin. */
export const AWS_STAND_IN = join(REPOSITORY, "tools/aws-local");

export function localEnv({ dir, s3Url, iamUrl }: { dir: string; s3Url: string; iamUrl: string }) {
  return {
    VAST_API_KEY,
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL_S3: s3Url,
    AWS_ENDPOINT_URL_IAM: iamUrl,
    AWS_ENDPOINT_URL_STS: iamUrl,
    // A profile of a real account would beat the keys above, and its token would spoil them.
    AWS_PROFILE: "",
    AWS_SESSION_TOKEN: "",
    PULUMI_BACKEND_URL: `file://${join(dir, "state")}`,
    // A home of its own: the stack selected and the login of a person's real work stay as they are.
    PULUMI_HOME: join(dir, "pulumi-home"),
    PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // All plugins are on PATH: a missing one is to be an error here, not a download.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}

const Ready = z.object({ url: z.url(), adminUrl: z.url(), adminToken: z.string(), pageUrl: z.url() });
type RunningSimulator = z.infer<typeof Ready> & { child: GuardedChild };

async function startSimulator(options: LocalOptions): Promise<RunningSimulator> {
  const { dir, seed, speed, vastPort, credit, offers, bootFactor, rateLimits = true } = options;
  const logFile = join(dir, "simulator.log");
  const flags: Record<string, string | number | undefined> = {
    "--port": vastPort ?? 0,
    "--admin-port": vastPort === undefined ? 0 : vastPort + 1,
    "--seed": seed,
    "--speed": speed,
    "--credit": credit,
    "--offers": offers,
    "--boot-factor": bootFactor,
    "--data": join(dir, "simulator"),
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
  if (!rateLimits) args.push("--no-rate-limits");
  const child = spawnGuarded(process.execPath, [join(REPOSITORY, "simulator/cli.ts"), ...args], {
    env: { ...process.env, VAST_API_KEY },
    logFile,
    stdout: "pipe",
  });
  try {
    const lines = createInterface({ input: child.process.stdout as NonNullable<typeof child.process.stdout> });
    const ended = child.exited.then(() => Promise.reject(new Error(logTail(logFile) || "it ended at once")));
    const [line] = await Promise.race([once(lines, "line"), ended]);
    return { ...Ready.parse(JSON.parse(line)), child };
  } catch (error) {
    await child.stop();
    throw new Error(`The Vast.ai simulator did not start: ${(error as Error).message}`);
  }
}

async function callAdmin<T>(simulator: RunningSimulator, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(simulator.adminUrl + path, {
    method,
    headers: { authorization: `Bearer ${simulator.adminToken}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`simulator: ${method} ${path} answered ${response.status}: ${answer}`);
  return (answer === "" ? undefined : JSON.parse(answer)) as T;
}
