import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { sshAddressesOf } from "pulumi-vast/internal/lifecycle/instance/ssh-address";
import { stringify } from "yaml";
import type { InventoryOptions } from "./commands/inventory.ts";
import { type Worker, withPrefix } from "./fleet/read.ts";
import { type MeshAddresses, readAddresses } from "./mesh/addresses.ts";
import { openSession } from "./session.ts";
import { EXIT } from "./terminal.ts";

/** A machine as the lifecycle document's distributed_hosts.yaml has it, and what else is known of it. */
export interface Host {
  /** e.g. "vast-12345678" */
  id: string;
  label: string;
  fleet: string | null;
  hostname: string | null;
  ssh_port: number | null;
  /** In the mesh: of tailscale, or of whatever the profile's join step joins. */
  tailscale_ip: string | null;
  gpu_type: string | null;
  gpu_count: number | null;
  /** `active` while it runs, else its condition. */
  status: string;
  /** USD/h billed now. */
  dph: number;
  last_seen: string | null;
}

export async function inventory(prefix: string | undefined, options: InventoryOptions): Promise<number> {
  const session = await openSession(options);
  const workers = withPrefix(await session.fleets(), prefix);
  const addresses = readAddresses(session);
  const hosts = workers.map((worker) => hostOf(worker, addresses, session.clock.nowS()));
  const text = textOf(hosts, options.format, session.context.config.sshKeyFile);
  if (options.out === undefined) process.stdout.write(text);
  else writeWhole(options.out, text);
  return EXIT.ok;
}

export function hostOf(worker: Worker, addresses: MeshAddresses, nowS: number): Host {
  const { row } = worker;
  const { direct, proxy } = row ? sshAddressesOf(row) : {};
  const ssh = direct ?? proxy;
  return {
    id: `vast-${worker.contract}`,
    label: worker.label,
    fleet: worker.fleet ?? null,
    hostname: ssh?.host ?? null,
    ssh_port: ssh?.port ?? null,
    tailscale_ip: addresses[String(worker.contract)]?.address ?? null,
    gpu_type: row?.gpu_name?.replaceAll(" ", "_") ?? null,
    gpu_count: row?.num_gpus ?? null,
    status: worker.condition === "running" ? "active" : worker.condition,
    dph: worker.dph,
    last_seen: row ? new Date(nowS * 1000).toISOString() : null,
  };
}

export function textOf(hosts: readonly Host[], format: InventoryOptions["format"], keyFile?: string): string {
  if (format === "ssh") return hosts.flatMap((host) => sshEntry(host, keyFile)).join("\n");
  const content = { vast_instances: hosts };
  return format === "json" ? `${JSON.stringify(content, null, 2)}\n` : stringify(content);
}

/** Ports of a machine are given to others when it is gone: its key is kept under the contract's name, not the address's. */
function sshEntry({ id, label, hostname, ssh_port }: Host, keyFile: string | undefined): string[] {
  if (hostname === null || ssh_port === null) return [];
  const lines = [
    `Host ${[...new Set([label, id])].filter((name) => /^[\w.-]+$/.test(name)).join(" ")}`,
    `  HostName ${hostname}`,
    `  Port ${ssh_port}`,
    "  User root",
    `  HostKeyAlias ${id}`,
    "  StrictHostKeyChecking accept-new",
    ...(keyFile === undefined ? [] : [`  IdentityFile "${keyFile}"`]),
  ];
  return [`${lines.join("\n")}\n`];
}

function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
