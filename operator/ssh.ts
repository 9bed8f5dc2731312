import { spawn } from "node:child_process";
import { VastError } from "pulumi-vast/internal/api/errors";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import type { ProviderConfig } from "pulumi-vast/internal/config";
import { conditionOf } from "pulumi-vast/internal/lifecycle/instance/condition";
import { sshAddressesOf } from "pulumi-vast/internal/lifecycle/instance/ssh-address";
import type { SshOptions } from "./commands/ssh.ts";
import { findContract } from "./fleet/find.ts";
import { hostKeyOptions } from "./fleet/host-keys.ts";
import { openSession } from "./session.ts";
import { EXIT, printJson, progress } from "./terminal.ts";

export async function ssh(worker: string, words: readonly string[], options: SshOptions): Promise<number> {
  const session = await openSession(options);
  const row = findContract(await session.fleets(), worker);
  const args = [...sshArguments(row, session.context.config, options.proxy), ...words];
  if (options.json) printJson({ contract: row.id, label: row.label ?? "", command: ["ssh", ...args] });
  else if (options.print) console.log(["ssh", ...args.map(quoted)].join(" "));
  else return logIn(args);
  return EXIT.ok;
}

/** Of ssh itself, not of what ran there. */
const NO_CONNECTION = 255;

async function logIn(args: readonly string[]): Promise<number> {
  const code = await run(args);
  if (code === NO_CONNECTION)
    progress(
      "ssh could not log in. An instance knows the SSH keys that the account had when it was rented, and its `sshKeys`; VAST_SSH_KEY names the private key to log in with.",
    );
  return code;
}

export function sshArguments(
  row: InstanceRow,
  { endpoint, sshKeyFile }: Pick<ProviderConfig, "endpoint" | "sshKeyFile">,
  proxy = false,
): string[] {
  const { direct, proxy: throughProxy } = sshAddressesOf(row);
  const address = proxy ? throughProxy : (direct ?? throughProxy);
  if (!address)
    throw new VastError("blocked", `contract ${row.id} is ${conditionOf(row)} and has no SSH address yet`, {
      fix: "wait until it is running (vast-fleet status)",
    });
  return [
    ...["-p", String(address.port)],
    ...(sshKeyFile === undefined ? [] : ["-i", sshKeyFile]),
    ...hostKeyOptions(row.id, endpoint).flatMap(([option, value]) => ["-o", `${option}=${value}`]),
    `root@${address.host}`,
  ];
}

function run(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", args, { stdio: "inherit" });
    child.once("error", (error) => reject(new VastError("config", `ssh cannot be run: ${error.message}`)));
    child.once("exit", (code) => resolve(code ?? EXIT.failure));
  });
}

function quoted(word: string): string {
  return /^[\w@.:=/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
