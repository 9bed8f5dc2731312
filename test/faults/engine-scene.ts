import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { type LocalCloud, startLocal } from "../../tools/local.ts";
import { type FleetSettings, type LocalStack, openStack, REPOSITORY } from "../../tools/stack.ts";
import type { Mischief } from "./mishaps.ts";
import type { SeenContract } from "./run-world.ts";
import { RunBucket } from "./storage.ts";

/** Virtual seconds per second: a boot takes about one, a timeout of minutes a few, and a run few of a worker's hours. */
const SPEED = 120;
/** A provider process leaves within this time once its engine is gone, wall milliseconds. */
const LEAVES_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 100;
/** A command that takes longer does not end: its longest waits are hours of the service, wall milliseconds. */
const LONGEST_COMMAND_MS = 600_000;

export type Victim = "engine" | "provider" | "both";

export interface Killing {
  victim: Victim;
  /** Once so many calls more have reached the service. */
  afterCalls: number;
}

export interface Ended {
  exitCode: number | undefined;
  all: string;
  /** It did not end, and was killed. */
  timedOut: boolean;
}

/** The real engine with the checkout's program, and both sides of the world behind it. */
export class EngineScene {
  readonly stack: LocalStack;
  readonly bucket: RunBucket;
  readonly mischief: Mischief;
  readonly #local: LocalCloud;
  readonly #dir: string;
  readonly #project: string;

  static async open(seed: string, fleets: Record<string, FleetSettings>): Promise<EngineScene> {
    const dir = mkdtempSync(join(tmpdir(), "engine-faults-"));
    const local = await startLocal({ dir, seed, speed: SPEED });
    const stack = await openStack({ local, dir, name: "faults", speed: SPEED, fleets });
    const scene = new EngineScene(dir, local, stack);
    // Bucket and key first: the connection is made by hand, in the console.
    await scene.pulumi(["up", "--yes", "--skip-preview"]);
    await stack.connectInConsole();
    return scene;
  }

  private constructor(dir: string, local: LocalCloud, stack: LocalStack) {
    this.#dir = dir;
    this.#project = projectIn(dir, stack);
    this.#local = local;
    this.stack = stack;
    this.bucket = new RunBucket(local.s3.url, `pulumi-vast-${stack.name}-000000000000-${local.s3.region}`);
    const admin: Mischief["admin"] = (method, path, body) => local.admin(method, `/admin${path}`, body);
    this.mischief = {
      admin,
      asUser: async (method, path, body) => {
        await fetch(local.vastUrl + path, {
          method,
          headers: { authorization: `Bearer ${local.vastApiKey}`, "content-type": "application/json" },
          body: JSON.stringify(body ?? {}),
        }).catch(() => undefined);
      },
      contracts: () => admin<SeenContract[]>("GET", "/instances?all=1"),
      fault: async (fault) => void (await admin("POST", "/faults", fault)),
    };
  }

  /** Everything that could show the account's key. */
  readonly output: string[] = [];
  get key(): string {
    return this.#local.vastApiKey;
  }

  /** One command of the real engine; killed on the way if asked for. */
  async pulumi(args: readonly string[], killing?: Killing): Promise<Ended> {
    const { env, name, configFile } = this.stack;
    const settings = ["up", "refresh", "destroy"].includes(args[0] ?? "") ? ["--config-file", configFile] : [];
    const command = [...args, "--stack", name, ...settings];
    const engine = execa("pulumi", command, {
      cwd: REPOSITORY,
      env,
      all: true,
      reject: false,
      stdin: "ignore",
      timeout: LONGEST_COMMAND_MS,
      killSignal: "SIGKILL",
    });
    let running = true;
    const watcher =
      killing &&
      this.#kill(
        killing,
        () => running,
        () => engine.kill("SIGKILL"),
      );
    const { exitCode, all, timedOut } = await engine;
    running = false;
    await watcher;
    this.output.push(all);
    return { exitCode, all, timedOut };
  }

  /** `vast-fleet <args>`, in a folder that is the checkout's program with this stack's config. */
  async vastFleet(args: readonly string[]): Promise<Ended> {
    const { env, name } = this.stack;
    const main = join(REPOSITORY, "operator/main.ts");
    const { exitCode, all, timedOut } = await execa(process.execPath, [main, ...args, "--stack", name], {
      cwd: this.#project,
      env,
      all: true,
      reject: false,
      stdin: "ignore",
      timeout: LONGEST_COMMAND_MS,
    });
    this.output.push(all);
    return { exitCode, all, timedOut };
  }

  async #kill({ victim, afterCalls }: Killing, running: () => boolean, killEngine: () => void): Promise<void> {
    const before = await this.#calls();
    while (running() && (await this.#calls()) < before + afterCalls) await pause(LOOK_EVERY_MS);
    if (!running()) return;
    if (victim !== "provider") killEngine();
    if (victim !== "engine") for (const pid of await this.#providers()) killQuietly(pid);
  }

  async #calls(): Promise<number> {
    return (await this.mischief.admin<{ counts: { requests: number } }>("GET", "/state")).counts.requests;
  }

  /** Provider processes of this scene, told by the folder in their environment. */
  async #providers(): Promise<number[]> {
    const { stdout } = await execa("pgrep", ["-f", "cmd/dynamic-provider/index.js"], { reject: false });
    const pids = stdout.split("\n").filter((line) => line !== "");
    return pids.filter((pid) => environmentOf(pid).includes(this.#dir)).map(Number);
  }

  /** True once no provider process is left; they are to leave by themselves when their engine is gone. */
  async providersLeave(): Promise<boolean> {
    const deadline = Date.now() + LEAVES_WITHIN_MS;
    while ((await this.#providers()).length > 0) {
      if (Date.now() > deadline) return false;
      await pause(LOOK_EVERY_MS);
    }
    return true;
  }

  async close(): Promise<void> {
    this.bucket.close();
    await this.#local.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function projectIn(dir: string, { name, configFile }: LocalStack): string {
  const project = join(dir, "project");
  mkdirSync(project);
  copyFileSync(join(REPOSITORY, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
  for (const shared of ["stacks", "node_modules"]) symlinkSync(join(REPOSITORY, shared), join(project, shared));
  symlinkSync(configFile, join(project, `Pulumi.${name}.yaml`));
  return project;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}
