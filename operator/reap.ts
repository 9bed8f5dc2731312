import { makeChange } from "./change/change.ts";
import { without } from "./fleet/numbers.ts";
import { type Worker, withPrefix } from "./fleet/read.ts";
import { type ChangingOptions, typed } from "./options.ts";
import { openSession } from "./session.ts";
import { EXIT, printJson } from "./terminal.ts";

export async function reap(prefix: string | undefined, options: ChangingOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  const expired = withPrefix(all, prefix).filter((worker) => isExpired(worker, session.clock.nowS()));
  if (expired.length === 0) {
    if (options.json) printJson({ stack: session.stack.name, steps: [], fleets: [] });
    else console.log("Nothing has expired.");
    return EXIT.ok;
  }
  const ids = new Set(expired.map(({ urn }) => urn));
  const numbers = (name: string) => expired.flatMap(({ fleet, number }) => (fleet === name ? (number ?? []) : []));
  const edits = all.fleets.flatMap((fleet) => without(fleet, new Set(numbers(fleet.name))));
  const question = [
    "These have expired and are destroyed, their results copied out and verified first:",
    ...expired.map(({ label, contract, state }) => `  ${label} (contract ${contract}, expired ${iso(state.expiry)})`),
    ...edits
      .filter(({ path }) => path[0] === "workers")
      .map(({ fleet, value }) => `Fleet ${fleet} then has ${value} workers in the config.`),
  ].join("\n");
  const why = `${typed()}; ${expired.map(({ label }) => label).join(", ")} expired`;
  const fleets = [...new Set(expired.flatMap(({ fleet }) => fleet ?? []))];
  const change = { what: "reap", why, edits, fleets, targets: [...ids], destroy: true, question };
  return makeChange(session, change, options);
}

/** `nowS`: epoch seconds of the service. */
export function isExpired({ condition, state }: Worker, nowS: number): boolean {
  return condition === "expired" || (typeof state.expiry === "number" && state.expiry <= nowS);
}

function iso(epochS: number | undefined): string {
  return epochS === undefined ? "with its rental" : new Date(epochS * 1000).toISOString();
}
