import type { AuthContext, Connection, ServerChannel } from "ssh2";
import { sshHost } from "../world/addresses.ts";
import type { Contract } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { holds, SshListener } from "./listener.ts";
import { runLine } from "./shell.ts";

/**
 * SSH for running instances on loopback: direct on the mapped port of 22 where there is one, and through the proxy's
 * address (vast-api.md 3.4, SSH). User root, keys only: those the instance carried at its creation or got attached.
 */
export class SshDoor {
  readonly #world: World;
  readonly #hostKey: string;
  readonly #open = new Map<number, SshListener[]>();
  readonly #block: number;

  constructor(world: World, block: number, hostKey: string) {
    this.#world = world;
    this.#block = block;
    this.#hostKey = hostKey;
  }

  /** Opens and closes doors as the contract's state asks. */
  follow(contract: Contract): void {
    const reachable =
      contract.actual === "running" && contract.destroyedAt === null && this.#world.machineOf(contract).online;
    const wanted = reachable && contract.runtype !== "args";
    if (wanted && !this.#open.has(contract.id)) this.#openDoors(contract);
    if (!wanted && this.#open.has(contract.id)) void this.#closeDoors(contract.id);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.#closeDoors(id)));
  }

  #openDoors(contract: Contract): void {
    const doors: [address: string, port: number][] = [];
    const direct = contract.ports.find((port) => port.internal === 22 && port.protocol === "tcp");
    if (direct) doors.push([this.#world.machineOf(contract).publicIp, direct.external]);
    // Behind jupyter the proxy's port is one higher.
    const proxyPort = contract.sshPort + (contract.runtype.includes("jupyter") ? 1 : 0);
    doors.push([sshHost(contract, this.#block), proxyPort]);
    const listeners: SshListener[] = [];
    this.#open.set(contract.id, listeners);
    for (const [address, port] of doors) {
      const listener = new SshListener(this.#hostKey, (connection) => this.#serve(contract, connection));
      listeners.push(listener);
      this.#world.clock.spawn(`ssh of ${contract.id}`, async () => {
        const error = await listener.open(address, port);
        if (!error) return;
        this.#world.log.warn({ err: error, address, port }, "ssh cannot listen");
        this.#world.record("ssh-port-busy", { contract: contract.id, address, port });
      });
    }
  }

  async #closeDoors(contractId: number): Promise<void> {
    const listeners = this.#open.get(contractId) ?? [];
    this.#open.delete(contractId);
    // A stopped container takes its sessions with it.
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  #serve(contract: Contract, connection: Connection): void {
    connection.on("authentication", (context) => {
      if (mayEnter(contract, context)) context.accept();
      else context.reject(["publickey"]);
    });
    connection.on("session", (accept) => {
      const session = accept();
      session.on("pty", (acceptPty) => acceptPty?.());
      session.on("env", (acceptEnv) => acceptEnv?.());
      session.on("exec", (acceptExec, _, info) => this.#run(contract, acceptExec(), info.command));
      session.on("shell", (acceptShell) => this.#interact(contract, acceptShell()));
    });
  }

  #run(contract: Contract, channel: ServerChannel, command: string): void {
    this.#world.clock.catchUp();
    const { stdout, stderr, exitCode } = runLine(this.#world, contract, command);
    this.#world.record("ssh", { contract: contract.id, command });
    channel.stderr.write(stderr);
    channel.write(stdout);
    channel.exit(exitCode);
    channel.end();
  }

  /** Line by line, with a prompt; `exit` leaves. */
  #interact(contract: Contract, channel: ServerChannel): void {
    const prompt = `root@C.${contract.id}:~# `;
    let typed = "";
    channel.write(prompt);
    channel.on("data", (data: Buffer) => {
      typed += data.toString("utf8").replaceAll("\r", "\n");
      for (let end = typed.indexOf("\n"); end >= 0; end = typed.indexOf("\n")) {
        const line = typed.slice(0, end).trim();
        typed = typed.slice(end + 1);
        if (line === "exit" || line === "logout") {
          channel.exit(0);
          channel.end();
          return;
        }
        const { stdout, stderr } = runLine(this.#world, contract, line);
        channel.write(`\r\n${stderr}${stdout}`.replaceAll("\n", "\r\n") + prompt);
      }
    });
  }
}

function mayEnter(contract: Contract, context: AuthContext): boolean {
  return context.username === "root" && contract.sshKeys.some(({ publicKey }) => holds(context, publicKey));
}
