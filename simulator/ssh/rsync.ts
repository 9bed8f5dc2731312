import { type ChildProcess, spawn } from "node:child_process";
import {
  accessSync,
  constants,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join, sep } from "node:path";
import type { ServerChannel } from "ssh2";

/** One disk that rsync may read or write. */
export interface Module {
  names: readonly string[];
  dir: string;
  /** Folders of the container that are other disks: not reached through this one. */
  excluded: readonly string[];
  writable: boolean;
  /** Bytes the client may still send. */
  roomBytes: number;
}

export interface Traffic {
  receivedBytes: number;
  sentBytes: number;
  /** Files that came in, in order, as paths below the disk. */
  received: string[];
  /** Whether the disk was full. */
  full: boolean;
}

/** rsync's own exit code for an error in file input or output. */
const EXIT_FILE_IO = 11;

/** The program that serves copies with the client's own disk, if this machine has it. */
export function findRsync(path = process.env.PATH ?? ""): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, "rsync"))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Runs one rsync daemon on an SSH channel, as `rsync --server --daemon .` of the official client asks for. It knows the
 * disk's folder only: rsync keeps every path inside it, links are stored with a prefix that leads nowhere, and what else
 * could lead outside is looked for before it starts. It runs no commands.
 */
export class RsyncSession {
  readonly #child: ChildProcess;
  readonly #config: string;
  readonly #log: string;
  readonly #module: Module;
  #traffic: Traffic = { receivedBytes: 0, sentBytes: 0, received: [], full: false };
  readonly done: Promise<Traffic>;

  constructor(rsync: string, channel: ServerChannel, module: Module, scratch: string) {
    this.#module = module;
    this.#config = `${scratch}.conf`;
    this.#log = `${scratch}.log`;
    writeFileSync(this.#config, configuration(module, this.#log));
    const args = ["--server", "--daemon", `--config=${this.#config}`, "."];
    this.#child = spawn(rsync, args, { cwd: module.dir, env: { PATH: "/usr/bin:/bin" }, stdio: "pipe" });
    this.done = new Promise((resolvePromise) => {
      this.#connect(channel, (code) => {
        channel.exit(this.#traffic.full ? EXIT_FILE_IO : code);
        channel.end();
        resolvePromise(this.#finish());
      });
    });
  }

  stop(): void {
    this.#child.kill("SIGTERM");
  }

  #connect(channel: ServerChannel, ended: (code: number) => void): void {
    const { stdin, stdout, stderr } = this.#child;
    // Whoever hangs up first breaks the other's pipe: the end of the process tells how it went.
    stdin?.on("error", () => {});
    channel.on("data", (chunk: Buffer) => {
      this.#traffic.receivedBytes += chunk.length;
      if (this.#traffic.receivedBytes > this.#module.roomBytes) {
        // Said before the daemon ends: a client that reads of the end first does not wait for what comes after it.
        if (!this.#traffic.full) channel.stderr.write("rsync: [receiver] write failed: No space left on device (28)\n");
        this.#traffic.full = true;
        this.stop();
      } else if (stdin?.write(chunk) === false) {
        channel.pause();
        stdin.once("drain", () => channel.resume());
      }
    });
    channel.on("end", () => stdin?.end());
    channel.on("close", () => this.stop());
    stdout?.on("data", (chunk: Buffer) => {
      this.#traffic.sentBytes += chunk.length;
      if (channel.write(chunk)) return;
      stdout.pause();
      channel.once("drain", () => stdout.resume());
    });
    stderr?.on("data", (chunk: Buffer) => channel.stderr.write(chunk));
    this.#child.on("error", () => ended(EXIT_FILE_IO));
    this.#child.on("close", (code) => ended(code ?? EXIT_FILE_IO));
  }

  #finish(): Traffic {
    this.#traffic.received = receivedFiles(this.#log);
    for (const file of [this.#config, this.#log]) rmSync(file, { force: true });
    dropSpecialFiles(this.#module.dir);
    return this.#traffic;
  }
}

const LOG_MARK = "received ";

function configuration(module: Module, log: string): string {
  const own = (id: (() => number) | undefined): number => id?.() ?? 0;
  const common = [
    "use chroot = no",
    "munge symlinks = yes",
    "numeric ids = yes",
    "list = no",
    "reverse lookup = no",
    // rsync as root would otherwise become nobody, who may not write here.
    `uid = ${own(process.getuid)}`,
    `gid = ${own(process.getgid)}`,
    `log file = ${log}`,
    "transfer logging = yes",
    `log format = ${LOG_MARK}%o %f`,
    "incoming chmod = a-s,u+rwX",
    "refuse options = write-devices copy-devices",
    `read only = ${module.writable ? "no" : "yes"}`,
    `exclude = ${module.excluded.join(" ")}`,
    `path = ${module.dir}`,
  ];
  return module.names.map((name) => `[${name}]\n${common.join("\n")}\n`).join("");
}

function receivedFiles(log: string): string[] {
  try {
    const lines = readFileSync(log, "utf8").split("\n");
    return lines.flatMap((line) => line.split(`${LOG_MARK}recv `)[1] ?? []);
  } catch {
    return [];
  }
}

/** The first link below a disk that leads out of it, if there is one: rsync would follow it. */
export function findEscape(dir: string, from = dir): string | undefined {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const path = join(from, entry.name);
    const found = entry.isDirectory() ? findEscape(dir, path) : undefined;
    if (found !== undefined) return found;
    if (entry.isSymbolicLink() && leadsOut(dir, path)) return path;
  }
  return undefined;
}

function leadsOut(dir: string, link: string): boolean {
  try {
    const target = realpathSync(link);
    return target !== dir && !target.startsWith(dir + sep);
  } catch {
    // It leads to nothing yet. What came through here before leads to nothing for ever.
    const target = readlinkSync(link);
    return !target.startsWith(MUNGED) && (target.startsWith("/") || target.split("/").includes(".."));
  }
}

/** What rsync puts before the target of a link that it stores with "munge symlinks". */
const MUNGED = "/rsyncd-munged/";

/** Devices, pipes and sockets that a client sent as root: nothing here reads or writes such things. */
function dropSpecialFiles(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) dropSpecialFiles(path);
    else if (!entry.isFile() && !entry.isSymbolicLink() && lstatSync(path, { throwIfNoEntry: false })) rmSync(path);
  }
}
