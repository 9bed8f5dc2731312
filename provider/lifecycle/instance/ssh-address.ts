import type { InstanceRow } from "../../api/instances.ts";

export interface SshAddress {
  host: string;
  port: number;
}

/** Where a running instance answers SSH: on its own port, and through the service's proxy (vast-api.md 3.4). */
export function sshAddressesOf(row: InstanceRow): { direct?: SshAddress; proxy?: SshAddress } {
  const host = row.public_ipaddr?.trim();
  const own = row.ports?.["22/tcp"]?.[0]?.HostPort;
  // Behind jupyter the proxy's port is one higher.
  const proxyPort = (row.ssh_port ?? 0) + (row.image_runtype?.includes("jupyter") ? 1 : 0);
  return {
    ...(host && own ? { direct: { host, port: Number(own) } } : {}),
    ...(row.ssh_host ? { proxy: { host: row.ssh_host, port: proxyPort } } : {}),
  };
}
