import { expect, test } from "vitest";
import { parse } from "yaml";
import type { Worker } from "../../../operator/fleet/read.ts";
import { hostOf, textOf } from "../../../operator/inventory.ts";
import type { InstanceRow } from "../../../provider/api/instances.ts";

const row = {
  id: 12345,
  gpu_name: "RTX 4090",
  num_gpus: 1,
  public_ipaddr: "203.0.113.4",
  ports: { "22/tcp": [{ HostIp: "0.0.0.0", HostPort: "40022" }] },
  ssh_host: "ssh5.vast.ai",
  ssh_port: 12344,
} as unknown as InstanceRow;
const worker = (different: Partial<Worker> = {}) =>
  ({
    contract: 12345,
    label: "trainer-worker-0",
    fleet: "trainer",
    condition: "running",
    dph: 0.3,
    row,
    ...different,
  }) as Worker;
const VAST = { endpoint: "https://console.vast.ai", sshKeyFile: undefined };
const NOW_S = Date.UTC(2026, 10, 24, 10) / 1000;
const hosts = [hostOf(worker(), { 12345: { address: "100.64.0.7", seenS: NOW_S } }, NOW_S)];

test("the hosts file has what the lifecycle document's distributed_hosts.yaml has", () => {
  const [host] = (parse(textOf(hosts, "yaml", VAST)) as { vast_instances: object[] }).vast_instances;
  expect(host).toMatchObject({
    id: "vast-12345",
    hostname: "203.0.113.4",
    tailscale_ip: "100.64.0.7",
    gpu_type: "RTX_4090",
    gpu_count: 1,
    status: "active",
    last_seen: "2026-11-24T10:00:00.000Z",
  });
});

test("JSON says the same", () => {
  expect(JSON.parse(textOf(hosts, "json", VAST))).toEqual(parse(textOf(hosts, "yaml", VAST)));
});

test("a worker that does not run, or is not listed, has its condition, and no address that is not its own", () => {
  const gone = hostOf(worker({ row: undefined, condition: "gone" }), {}, NOW_S);
  expect(gone).toMatchObject({ status: "gone", hostname: null, tailscale_ip: null, last_seen: null });
});

test("the SSH config knows a worker by its label and its id, and keeps host keys by contract: ports are given to others", () => {
  expect(textOf(hosts, "ssh", { ...VAST, sshKeyFile: "/home/me/.ssh/vast_rsa" })).toBe(`Host trainer-worker-0 vast-12345
  HostName 203.0.113.4
  Port 40022
  User root
  HostKeyAlias vast-12345
  StrictHostKeyChecking accept-new
  IdentityFile "/home/me/.ssh/vast_rsa"
`);
});

test("a label that is no host name writes nothing into the SSH config", () => {
  const odd = hostOf(worker({ label: "x\n  ProxyCommand evil" }), {}, NOW_S);
  expect(textOf([odd], "ssh", VAST)).not.toContain("ProxyCommand");
});

test("the SSH config leaves no key of a simulator's machines in known_hosts, as vast-fleet ssh does not", () => {
  const config = (endpoint: string) => textOf(hosts, "ssh", { endpoint, sshKeyFile: undefined });
  expect(config("http://127.0.0.1:8080")).toContain("  UserKnownHostsFile /dev/null\n");
  expect(config("https://console.vast.ai")).not.toContain("UserKnownHostsFile");
});
