import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ProviderConfig } from "pulumi-vast/internal/config";
import { sshAddressesOf } from "pulumi-vast/internal/lifecycle/instance/ssh-address";
import { stringify } from "yaml";
import type { InventoryOptions } from "./commands/inventory.ts";
import { hostKeyOptions } from "./fleet/host-keys.ts";
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
  const text = textOf(hosts, options.format, session.context.config);
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

type SshConfig = Pick<ProviderConfig, "endpoint" | "sshKeyFile">;

export function textOf(hosts: readonly Host[], format: InventoryOptions["format"], config: SshConfig): string {
  if (format === "ssh") return hosts.flatMap((host) => sshEntry(host, config)).join("\n");
  const content = { vast_instances: hosts };
  return format === "json" ? `${JSON.stringify(content, null, 2)}\n` : stringify(content);
}

function sshEntry({ id, label, hostname, ssh_port }: Host, { endpoint, sshKeyFile }: SshConfig): string[] {
  if (hostname === null || ssh_port === null) return [];
  const lines = [
    `Host ${[...new Set([label, id])].filter((name) => /^[\w.-]+$/.test(name)).join(" ")}`,
    `  HostName ${hostname}`,
    `  Port ${ssh_port}`,
    "  User root",
    ...hostKeyOptions(Number(id.slice("vast-".length)), endpoint).map(([option, value]) => `  ${option} ${value}`),
    ...(sshKeyFile === undefined ? [] : [`  IdentityFile "${sshKeyFile}"`]),
  ];
  return [`${lines.join("\n")}\n`];
}

function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
