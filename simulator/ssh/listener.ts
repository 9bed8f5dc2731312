import { createServer, type Server, type Socket } from "node:net";
import type { AuthContext, Connection, ParsedKey } from "ssh2";
import ssh2 from "ssh2";

/** One address and port on which SSH is answered. */
export class SshListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(hostKey: string, serve: (connection: Connection) => void) {
    const ssh = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
      // A client that hangs up in the middle is no event.
      connection.on("error", () => connection.end());
      serve(connection);
    });
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      ssh.injectSocket(socket);
    });
  }

  /** Resolves when it listens, or with why it cannot, or when it was closed meanwhile. */
  open(address: string, port: number): Promise<Error | undefined> {
    return new Promise((resolve) => {
      this.#server.on("error", resolve);
      // A container that ends at its first breath closes the door before it is open: "listening" then never comes.
      this.#server.on("close", () => resolve(undefined));
      this.#server.listen(port, address, () => resolve(undefined));
    });
  }

  /** Ends every session with it. */
  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** About one in 200 of the keys ssh2 makes cannot be read back by it (a zero byte in front is lost): those are left. */
export function makeHostKey(): string {
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}

/** Whether somebody who comes with a key shows that it is this one. */
export function holds(context: AuthContext, publicKey: string): boolean {
  if (context.method !== "publickey") return false;
  const key: ParsedKey | Error = ssh2.utils.parseKey(publicKey);
  if (key instanceof Error) return false;
  if (!key.getPublicSSH().equals(context.key.data)) return false;
  if (!context.signature || !context.blob) return true;
  return key.verify(context.blob, context.signature, context.hashAlgo) === true;
}
