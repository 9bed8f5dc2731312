import type { Contract } from "./types.ts";

/** The proxy's address while SSH is served; see machineAddress for why it is of 127/8. */
export function sshHost(contract: Contract, ssh: boolean): string {
  return ssh ? `127.17.0.${contract.sshIdx}` : `ssh${contract.sshIdx}.vast.ai`;
}

/** With SSH a loopback address per machine, so that ports never clash; else TEST-NET-3, which nobody can have. */
export function machineAddress(machineId: number, ssh: boolean): string {
  if (!ssh) return `203.0.113.${1 + (machineId % 254)}`;
  const [high, low] = [Math.floor(machineId / 254), machineId % 254];
  return `127.${18 + (Math.floor(high / 254) % 14)}.${1 + (high % 254)}.${1 + low}`;
}
