import { isLoopback } from "pulumi-vast/internal/config";

/** How ssh is to know the machine of a contract, as words of its configuration. */
export function hostKeyOptions(contract: number, endpoint: string): [option: string, value: string][] {
  return [
    // The next contract on this address is another machine, with another key.
    ["HostKeyAlias", `vast-${contract}`],
    ["StrictHostKeyChecking", "accept-new"],
    // A simulator gives the same ids to other machines each time it starts.
    ...(isLoopback(new URL(endpoint)) ? [["UserKnownHostsFile", "/dev/null"] as [string, string]] : []),
  ];
}
