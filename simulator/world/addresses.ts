import { createServer, type Server } from "node:net";
import type { Contract } from "./types.ts";

/** Blocks 127.<block>.0.0/16 that simulators on one computer share out; Linux routes all of 127/8 to itself. */
const FIRST_BLOCK = 16;
const LAST_BLOCK = 126;
const CLAIM_PORT = 52_022;

export interface LoopbackBlock {
  block: number;
  release(): Promise<void>;
}

/**
 * A block of loopback addresses for one simulator's machines. Two simulators of one seed choose the same ports: apart
 * they must be, or a client of the one would reach the instances of the other. The claim is a listening socket.
 */
export async function claimLoopbackBlock(): Promise<LoopbackBlock | undefined> {
  for (let block = FIRST_BLOCK; block <= LAST_BLOCK; block += 1) {
    const server = await claim(`127.${block}.0.254`);
    if (server) return { block, release: () => new Promise((resolve) => server.close(() => resolve())) };
  }
  return undefined;
}

function claim(address: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", () => resolve(undefined));
    server.listen(CLAIM_PORT, address, () => resolve(server.unref()));
  });
}

/** The proxy's address while SSH is served. */
export function sshHost(contract: Contract, block: number | null): string {
  return block === null ? `ssh${contract.sshIdx}.vast.ai` : `127.${block}.0.${contract.sshIdx}`;
}

/** With SSH a loopback address per machine; else one of TEST-NET-3, which nobody can have. */
export function machineAddress(machineId: number, block: number | null): string {
  if (block === null) return `203.0.113.${1 + (machineId % 254)}`;
  return `127.${block}.${1 + (Math.floor(machineId / 254) % 254)}.${1 + (machineId % 254)}`;
}
