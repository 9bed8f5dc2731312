import { makeChange } from "./change/change.ts";
import { type Worker, withPrefix } from "./fleet/read.ts";
import { type ChangingOptions, typed } from "./options.ts";
import { openSession } from "./session.ts";
import { EXIT, printJson } from "./terminal.ts";

/** Not running, and nothing of it is on the way: the next `up` starts or replaces it. */
const STOPPED: ReadonlySet<Worker["condition"]> = new Set([
  "stopped",
  "preempted",
  "scheduling",
  "crashed",
  "stopping",
]);

export async function restartStopped(prefix: string | undefined, options: ChangingOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  const stopped = withPrefix(all, prefix).filter((worker) => isStopped(worker, session.clock.nowS()));
  if (stopped.length === 0) {
    if (options.json) printJson({ stack: session.stack.name, steps: [], fleets: [] });
    else console.log("Nothing is stopped that the stack wants running.");
    return EXIT.ok;
  }
  const why = [typed(), ...stopped.map(({ label, condition }) => `${label} is ${condition}`)].join("; ");
  const fleets = [...new Set(stopped.flatMap(({ fleet }) => fleet ?? []))];
  const targets = stopped.map(({ urn }) => urn);
  return makeChange(session, { what: "restart-stopped", why, edits: [], fleets, targets }, options);
}

/** `nowS`: epoch seconds of the service. */
export function isStopped({ inputs, condition, state }: Worker, nowS: number): boolean {
  const expired = typeof state.expiry === "number" && state.expiry <= nowS;
  return STOPPED.has(condition) && inputs.state !== "stopped" && !expired;
}
