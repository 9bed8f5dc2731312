import { join } from "node:path";
import type { AuthContext, Connection, ServerChannel } from "ssh2";
import { settleLocalCopy } from "../world/local-copy.ts";
import type { Contract, Machine } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { holds, SshListener } from "./listener.ts";
import { findEscape, findRsync, RsyncSession } from "./rsync.ts";

/** A copy between a disk and the client's own that the API has let start. */
interface Grant {
  contract: Contract;
  writable: boolean;
  until: number;
}

/** Virtual seconds in which the client has to begin. */
const GRANT_S = 3600;
const USER = "vastai_kaalia";
const COMMAND = /^rsync --server --daemon \.$/;

/**
 * The SSH server of the hosts themselves, for copies from and to the client's own disk (vast-api.md 5.1): rsync's daemon
 * protocol over a channel, for the keys of the account, and nothing else. It opens on a host when a copy asks for it.
 */
export class HostDoor {
  readonly #world: World;
  readonly #hostKey: string;
  readonly #listeners = new Map<number, { listener: SshListener; opened: Promise<Error | undefined> }>();
  readonly #grants = new Map<number, Grant>();
  readonly #sessions = new Map<RsyncSession, number>();
  #scratch = 0;

  constructor(world: World, hostKey: string) {
    this.#world = world;
    this.#hostKey = hostKey;
  }

  /** Where the client's rsync goes, or why it cannot. */
  async open(contract: Contract, writable: boolean): Promise<{ address: string; port: number } | { missing: string }> {
    if (!findRsync()) return { missing: "the program rsync on this machine (Debian's package rsync)" };
    const machine = this.#world.machineOf(contract);
    const door = this.#listeners.get(machine.id) ?? this.#listen(machine, contract.machineDirSshPort);
    const error = await door.opened;
    if (error) return { missing: `port ${contract.machineDirSshPort} of ${machine.publicIp}: ${error.message}` };
    this.#grants.delete(contract.id);
    this.#grants.set(contract.id, { contract, writable, until: this.#world.now + GRANT_S });
    return { address: machine.publicIp, port: contract.machineDirSshPort };
  }

  /** A destroyed instance's disk is gone, and with it the copies under way. */
  follow(contract: Contract): void {
    if (contract.destroyedAt === null) return;
    this.#grants.delete(contract.id);
    for (const [session, id] of this.#sessions) if (id === contract.id) session.stop();
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.keys()) session.stop();
    await Promise.all([...this.#listeners.values()].map(({ listener }) => listener.close()));
    await Promise.all([...this.#sessions.keys()].map((session) => session.done));
  }

  #listen(machine: Machine, port: number) {
    const listener = new SshListener(this.#hostKey, (connection) => this.#serve(machine, connection));
    const door = { listener, opened: listener.open(machine.publicIp, port) };
    this.#listeners.set(machine.id, door);
    void door.opened.then((error) => error && this.#listeners.delete(machine.id));
    return door;
  }

  #serve(machine: Machine, connection: Connection): void {
    let allowed: Grant[] = [];
    connection.on("authentication", (context) => {
      allowed = this.#grantsFor(machine, context);
      if (allowed.length > 0) context.accept();
      else context.reject(["publickey"]);
    });
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec, _, info) => {
        const channel = acceptExec();
        const grant = allowed.at(-1);
        if (grant && COMMAND.test(info.command)) this.#copy(channel, grant);
        else refuse(channel, `this account is for copies only, not for '${info.command}'`);
      });
    });
  }

  /** What may be copied with this key: it has to be registered with the account, or on the instance. */
  #grantsFor(machine: Machine, context: AuthContext): Grant[] {
    if (context.username !== USER || !machine.online) return [];
    return [...this.#grants.values()].filter(({ contract, until }) => {
      if (contract.machineId !== machine.id || until < this.#world.now) return false;
      const keys = [...this.#world.account(contract.accountId).sshKeys, ...contract.sshKeys];
      return keys.some(({ publicKey }) => holds(context, publicKey));
    });
  }

  /** A client copies one disk at a time: the newest grant is the one it has come for. */
  #copy(channel: ServerChannel, grant: Grant): void {
    const { contract, writable } = grant;
    const { disks } = this.#world;
    const dir = disks.contractDir(contract.id);
    const rsync = findRsync();
    const wayOut = findEscape(dir);
    if (rsync === undefined || wayOut !== undefined) {
      refuse(channel, rsync === undefined ? "there is no rsync any more" : `a link leads out of the disk: ${wayOut}`);
      return;
    }
    disks.recount(contract);
    const names = [String(contract.id), `C.${contract.id}`];
    const excluded = contract.mounts.map((mount) => mount.path);
    const module = { names, dir, excluded, writable, roomBytes: disks.roomBytes(contract) };
    this.#scratch += 1;
    const session = new RsyncSession(rsync, channel, module, join(disks.root, `rsync-${this.#scratch}`));
    this.#sessions.set(session, contract.id);
    void this.#world.sleepers
      .during(() => session.done)
      .then((traffic) => {
        this.#sessions.delete(session);
        settleLocalCopy(this.#world, contract, traffic);
      });
  }
}

function refuse(channel: ServerChannel, why: string): void {
  channel.stderr.write(`${why}\n`);
  channel.exit(1);
  channel.end();
}
