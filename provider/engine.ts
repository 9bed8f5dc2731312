import { connect } from "node:net";

/**
 * Is the engine that asked for this work still there? A provider process outlives an engine that was killed
 * (seen: ten minutes and more) and would then rent for nobody. The dynamic host gets the engine's address as its last
 * argument; whoever listens there no more is gone. Outside an engine (tests, the operator's command) there is nothing
 * to lose track of.
 */
export async function engineIsAlive(argv: readonly string[] = process.argv): Promise<boolean> {
  const port = enginePort(argv);
  if (port === undefined) return true;
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

function enginePort(argv: readonly string[]): number | undefined {
  const address = argv.toReversed().find((arg) => /^(?:127\.0\.0\.1|localhost|\[::1\]):\d+$/.test(arg));
  return address === undefined ? undefined : Number(address.slice(address.lastIndexOf(":") + 1));
}

const LOOK_EVERY_MS = 5_000;

/**
 * Ends this process when its engine is gone. Without it the host lives on, and its handler for uncaught errors writes to
 * a pipe that nobody reads, whose error it writes to that pipe again: a core burning for ever (seen). Whatever was under
 * way is found again: rentals by their mark, copies by their marker.
 */
export function exitWithEngine(argv: readonly string[] = process.argv): void {
  if (enginePort(argv) === undefined) return;
  const leave = () => process.exit(1);
  process.stdout.on("error", leave);
  process.stderr.on("error", leave);
  const look = async () => {
    // Twice: one refused connection may be a busy machine.
    if (!(await engineIsAlive(argv)) && !(await engineIsAlive(argv))) leave();
  };
  setInterval(() => void look(), LOOK_EVERY_MS).unref();
}
