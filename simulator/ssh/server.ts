import { createServer, type Server, type Socket } from "node:net";
import type { AuthContext, Connection, ServerChannel } from "ssh2";
import ssh2 from "ssh2";
import { sshHost } from "../world/addresses.ts";
import type { Contract } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { runLine } from "./shell.ts";

interface Listener {
  server: Server;
  sockets: Set<Socket>;
}

/**
 * SSH for running instances on loopback: direct on the mapped port of 22 where there is one, and through the proxy's
 * address (vast-api.md 3.4, SSH). User root, keys only: those the instance carried at its creation or got attached.
 */
export class SshDoor {
  readonly #world: World;
  readonly #hostKey: string;
  readonly #open = new Map<number, Listener[]>();
  readonly #block: number;

  constructor(world: World, block: number) {
    this.#world = world;
    this.#block = block;
    this.#hostKey = hostKey();
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
    const listeners: Listener[] = [];
    this.#open.set(contract.id, listeners);
    for (const [address, port] of doors) {
      this.#world.clock.spawn(`ssh of ${contract.id}`, () => this.#listen(contract, address, port, listeners));
    }
  }

  #listen(contract: Contract, address: string, port: number, listeners: Listener[]): Promise<void> {
    const ssh = new ssh2.Server({ hostKeys: [this.#hostKey] }, (connection) => {
      // A client that hangs up in the middle is no event.
      connection.on("error", () => connection.end());
      this.#serve(contract, connection);
    });
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      ssh.injectSocket(socket);
    });
    listeners.push({ server, sockets });
    return new Promise((resolve) => {
      server.on("error", (error: Error) => {
        this.#world.log.warn({ err: error, address, port }, "ssh cannot listen");
        this.#world.record("ssh-port-busy", { contract: contract.id, address, port });
        resolve();
      });
      // A container that ends at its first breath closes the door before it is open: "listening" then never comes.
      server.on("close", () => resolve());
      server.listen(port, address, () => resolve());
    });
  }

  async #closeDoors(contractId: number): Promise<void> {
    const listeners = this.#open.get(contractId) ?? [];
    this.#open.delete(contractId);
    for (const { server, sockets } of listeners) {
      // A stopped container takes its sessions with it.
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    }
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

/** About one in 200 of the keys ssh2 makes cannot be read back by it (a zero byte in front is lost): those are left. */
function hostKey(): string {
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}

function mayEnter(contract: Contract, context: AuthContext): boolean {
  if (context.method !== "publickey" || context.username !== "root") return false;
  return contract.sshKeys.some(({ publicKey }) => {
    const key = ssh2.utils.parseKey(publicKey);
    if (key instanceof Error) return false;
    if (!key.getPublicSSH().equals(context.key.data)) return false;
    if (!context.signature || !context.blob) return true;
    return key.verify(context.blob, context.signature, context.hashAlgo) === true;
  });
}
