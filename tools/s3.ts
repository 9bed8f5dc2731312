import { randomUUID } from "node:crypto";
import { accessSync, constants, mkdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { type GuardedChild, logTail, spawnGuarded } from "./guarded-child.ts";

/** A real S3 server with a real IAM service in front of one folder, on 127.0.0.1 only. */
export interface S3Server {
  readonly url: string;
  /** The IAM and STS API of the same server: users, policies and access keys made here are what S3 checks. */
  readonly iamUrl: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** Resolves when one of its processes has ended, asked to or not. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface S3ServerOptions {
  /** Keeps buckets/, versions/, iam/ and the logs; made when missing, and taken up again when it is there. */
  readonly dir: string;
  readonly port?: number;
  /** Default: the port after `port`, or any free one when that is not given either. */
  readonly iamPort?: number;
}

/** The server listens on loopback only and holds test data: constants can be pasted, and work after a restart. */
export const ROOT = { accessKeyId: "local-root", secretAccessKey: "local-root-of-a-loopback-server" };
export const REGION = "us-east-1";
const START_ATTEMPTS = 5;
const START_DEADLINE_MS = 30_000;

export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  requireOnPath("versitygw");
  for (const name of ["buckets", "versions", "iam"]) mkdirSync(join(options.dir, name), { recursive: true });
  const socket = socketPath(options.dir);
  const started: Server[] = [];
  const stop = async () => {
    for (const server of started.toReversed()) await server.child.stop();
    rmSync(socket, { force: true });
  };
  try {
    // The gateway asks the IAM service at its start, and waits seconds when nobody answers: IAM goes first.
    const iamPort = options.iamPort ?? (options.port === undefined ? undefined : options.port + 1);
    const iam = await startOnPort("iam", iamPort, options.dir, () => [
      ...["iam", "--dir", join(options.dir, "iam"), "--private-ports", socket],
    ]);
    started.push(iam);
    const gateway = await startOnPort("s3", options.port, options.dir, (sidecar) => [
      // Without the cache a deleted key stops working at once, as a wrong order of deletes is meant to show.
      ...["--iam-cache-disable", "--iam-standalone-endpoint", socket],
      ...["posix", "--versioning-dir", join(options.dir, "versions"), ...sidecar, join(options.dir, "buckets")],
    ]);
    started.push(gateway);
    const ended = Promise.race([iam.child.exited, gateway.child.exited]);
    return { url: gateway.url, iamUrl: iam.url, ...ROOT, region: REGION, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The two processes talk over a socket, whose path must stay under some 100 characters, whatever `dir` is. A name of
 * its own for every start: a second start in a folder must fail on its port, not cut the first one's connection.
 */
function socketPath(dir: string): string {
  const name = `iam-${randomUUID().slice(0, 8)}.sock`;
  const path = join(resolve(dir), name);
  return path.length < 100 ? path : join(tmpdir(), name);
}

interface Server {
  readonly url: string;
  readonly child: GuardedChild;
}

type CommandLine = (sidecar: string[]) => string[];

/** On the port asked for or, when none was, on a free one: another process may take it first, so it tries again. */
async function startOnPort(name: string, port: number | undefined, dir: string, command: CommandLine) {
  const logFile = join(dir, `${name}.log`);
  let sidecar: string[] = [];
  for (let attempt = 1; ; attempt++) {
    rmSync(logFile, { force: true });
    const server = await startOnce(port ?? (await freePort()), logFile, command(sidecar));
    if (server) return server;
    const log = readFileSync(logFile, "utf8");
    const lacksXattrs = log.includes("xattrs are not supported") && sidecar.length === 0;
    const lostThePort = log.includes("address already in use") && port === undefined;
    if ((!lacksXattrs && !lostThePort) || attempt === START_ATTEMPTS) {
      throw new Error(
        `The ${name} server (versitygw) did not start${port ? ` on port ${port}` : ""}:\n${logTail(logFile)}`,
      );
    }
    if (lacksXattrs) {
      // Some file systems (older tmpfs) keep no extended attributes: object metadata goes to files beside them.
      sidecar = ["--sidecar", join(dir, "metadata")];
      mkdirSync(join(dir, "metadata"), { recursive: true });
    }
  }
}

/** Undefined when the process ended instead of answering. */
async function startOnce(port: number, logFile: string, command: string[]): Promise<Server | undefined> {
  const url = `http://127.0.0.1:${port}`;
  // A path nobody else serves: an older server still on this port must not be taken for the new one.
  const health = `/health-${randomUUID()}`;
  const child = spawnGuarded("versitygw", ["--port", `127.0.0.1:${port}`, "--health", health, "--quiet", ...command], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      ROOT_ACCESS_KEY: ROOT.accessKeyId,
      ROOT_SECRET_KEY: ROOT.secretAccessKey,
    },
    logFile,
  });
  let running = true;
  void child.exited.then(() => {
    running = false;
  });
  const deadline = Date.now() + START_DEADLINE_MS;
  while (running) {
    const answers = await fetch(url + health, { redirect: "manual" }).then(
      (response) => response.ok,
      () => false,
    );
    if (answers) return { url, child };
    if (Date.now() > deadline) {
      await child.stop();
      throw new Error(`versitygw on ${url} does not answer after ${START_DEADLINE_MS / 1000} s:\n${logTail(logFile)}`);
    }
    await Promise.race([pause(30), child.exited]);
  }
  return undefined;
}

function requireOnPath(name: string): void {
  const found = (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) {
    throw new Error(
      `${name}, the local S3 server, is not on PATH. "npm run setup" makes it; npm scripts then find it.`,
    );
  }
}
