import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type ssh2 from "ssh2";
import { VastError } from "../api/errors.ts";
import type { InstanceRow } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { type SshAddress, sshAddressesOf } from "../lifecycle/instance/ssh-address.ts";

export interface Ran {
  stdout: string;
  /** Both outputs as they came. */
  output: string;
  exitCode: number;
}

/** A connection to a running instance, as root. */
export interface Shell {
  run(command: string, timeoutS: number): Promise<Ran>;
  close(): void;
}

/** Loaded by who needs it: most runs open no shell, and it takes a tenth of the provider's start. */
const loadSsh2 = async () => (await import("ssh2")).default;

const CONNECT_WITHIN_MS = 20_000;
/** A connection that says nothing for this many of these is dead. */
const KEEPALIVE = { keepaliveInterval: 15_000, keepaliveCountMax: 4 };

/**
 * Opens SSH to an instance: its own port first, then the proxy (vast-api.md 3.4). The host key of a machine rented a
 * moment ago is nowhere to be looked up, so any is accepted: what is read here is compared, never trusted with a secret.
 * @throws VastError `blocked` with what was tried and what to do
 */
export async function openShell(context: Context, row: InstanceRow, name: string): Promise<Shell> {
  const login = await loginOf(context);
  const addresses = sshAddressesOf(row);
  const failures: string[] = [];
  for (const address of [addresses.direct, addresses.proxy]) {
    if (!address) continue;
    try {
      return shellOver(context, await connect(address, login), name);
    } catch (error) {
      failures.push(`${address.host}:${address.port}: ${(error as Error).message}`);
    }
  }
  throw new VastError(
    "blocked",
    `${name}: no SSH to contract ${row.id}: ${failures.join("; ") || "it has no SSH address"} (key: ${login.shown})`,
    {
      fix: "the instance needs an ssh or jupyter `runtype` and this key's public half in `sshKeys`; the key is `vast:sshKeyFile` in the stack config, or VAST_SSH_KEY",
    },
  );
}

interface Login {
  privateKey?: string;
  agent?: string;
  /** Which key, for messages; never its content. */
  shown: string;
}

const USUAL_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"];

async function loginOf({ config }: Context): Promise<Login> {
  const agent = process.env.SSH_AUTH_SOCK ? { agent: process.env.SSH_AUTH_SOCK } : {};
  const file = config.sshKeyFile?.replace(/^~(?=\/)/, homedir());
  if (file !== undefined) {
    const key = await readKey(file);
    if ("privateKey" in key) return { privateKey: key.privateKey, shown: file };
    throw noKey(`${file} ${key.problem}`);
  }
  for (const path of USUAL_KEYS.map((usual) => join(homedir(), ".ssh", usual))) {
    const key = await readKey(path);
    if ("privateKey" in key) return { privateKey: key.privateKey, ...agent, shown: path };
  }
  if (agent.agent !== undefined) return { ...agent, shown: "the SSH agent's" };
  throw noKey(`no private key is set, none of ~/.ssh/${USUAL_KEYS.join(", ")} can be used, and no SSH agent runs`);
}

function noKey(what: string): VastError {
  return new VastError("blocked", `SSH to the instance needs a key: ${what}`, {
    fix: "`pulumi config set vast:sshKeyFile ~/.ssh/<key without passphrase>`, or VAST_SSH_KEY, or load it into the SSH agent; its public half belongs in `sshKeys`",
  });
}

async function readKey(path: string): Promise<{ privateKey: string } | { problem: string }> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    return { problem: `cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  const parsed = (await loadSsh2()).utils.parseKey(text);
  return parsed instanceof Error ? { problem: "is no private key without a passphrase" } : { privateKey: text };
}

async function connect({ host, port }: SshAddress, { privateKey, agent }: Login): Promise<ssh2.Client> {
  const { Client } = await loadSsh2();
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.once("ready", () => resolve(client));
    client.on("error", reject);
    client.connect({
      host,
      port,
      username: "root",
      readyTimeout: CONNECT_WITHIN_MS,
      ...KEEPALIVE,
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(agent === undefined ? {} : { agent }),
    });
  });
}

function shellOver(context: Context, client: ssh2.Client, name: string): Shell {
  const broken = (why: string) =>
    new VastError("blocked", `${name}: over SSH: ${why}`, { fix: "run the same command again" });
  const run = (command: string, signal: AbortSignal) =>
    new Promise<Ran>((resolve, reject) => {
      const lost = () => reject(broken("the connection broke before the command ended"));
      signal.addEventListener("abort", () => reject(broken("the command did not end in time")), { once: true });
      client.once("close", lost);
      client.exec(command, (error, channel) => {
        if (error) return reject(broken(error.message));
        const stdout: Buffer[] = [];
        const output: Buffer[] = [];
        let exitCode: number | undefined;
        channel.on("data", (data: Buffer) => {
          stdout.push(data);
          output.push(data);
        });
        channel.stderr.on("data", (data: Buffer) => void output.push(data));
        channel.on("exit", (code: number | null) => {
          exitCode = code ?? -1;
        });
        channel.on("close", () => {
          client.off("close", lost);
          if (exitCode === undefined) return lost();
          const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
          resolve({ stdout: text(stdout), output: text(output), exitCode });
        });
      });
    });
  return {
    run: async (command, timeoutS) => {
      const late = new AbortController();
      const done = new AbortController();
      const timer = context.clock.sleep(timeoutS, done.signal).then(
        () => late.abort(),
        () => undefined,
      );
      try {
        return await run(command, late.signal);
      } finally {
        done.abort();
        await timer;
      }
    },
    close: () => void client.end(),
  };
}

/** As one word for a shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
