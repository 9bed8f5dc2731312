import { expect, test } from "vitest";
import { sshArguments } from "../../../operator/ssh.ts";
import { instanceRow } from "../../support/rows.ts";

const row = instanceRow({ id: 12345, actual_status: "running", ssh_host: "ssh5.vast.ai", ssh_port: 12344 });
const KNOWN_NOWHERE = "UserKnownHostsFile=/dev/null";

test("a contract of the service is a host of its own in known_hosts, whatever address it has", () => {
  const args = sshArguments(row, { endpoint: "https://console.vast.ai", sshKeyFile: undefined });
  expect(args).toContain("HostKeyAlias=vast-12345");
  expect(args).not.toContain(KNOWN_NOWHERE);
});

test("one of a simulator leaves nothing there: the next run has other machines of the same ids", () => {
  expect(sshArguments(row, { endpoint: "http://127.0.0.1:8080", sshKeyFile: undefined })).toContain(KNOWN_NOWHERE);
});
