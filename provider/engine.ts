import { connect } from "node:net";

/**
 * Is the engine that asked for this work still there? A provider process outlives an engine that was killed
 * (seen: ten minutes and more) and would then rent for nobody. The dynamic host gets the engine's address as its last
 * argument; whoever listens there no more is gone. Outside an engine (tests, the operator's command) there is nothing
 * to lose track of.
 */
export async function engineIsAlive(argv: readonly string[] = process.argv): Promise<boolean> {
  const address = argv.toReversed().find((arg) => /^(?:127\.0\.0\.1|localhost|\[::1\]):\d+$/.test(arg));
  if (address === undefined) return true;
  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const settle = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.setTimeout(5_000, () => settle(false));
  });
}
