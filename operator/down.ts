import { usd } from "pulumi-vast/internal/fleet/place";
import { makeChange } from "./change/change.ts";
import type { FleetEdit } from "./fleet/config.ts";
import { without } from "./fleet/numbers.ts";
import { type Fleet, type Fleets, fleetsWithPrefix, type Worker, withPrefix } from "./fleet/read.ts";
import { volumesOf } from "./fleet/targets.ts";
import { type ChangingOptions, typed } from "./options.ts";
import { openSession, type Session } from "./session.ts";
import { EXIT, printJson } from "./terminal.ts";

export async function down(prefix: string | undefined, options: ChangingOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  return takeDown(session, all, { what: "down", ...under(all, prefix) }, options);
}

/** Whole fleets with their volumes, and workers. */
export interface Leaving {
  fleets: readonly Fleet[];
  workers: readonly Worker[];
}

export function under(all: Fleets, prefix: string | undefined): Leaving {
  return { fleets: fleetsWithPrefix(all, prefix), workers: withPrefix(all, prefix) };
}

export interface TakeDown extends Leaving {
  /** The command. */
  what: string;
  /** Done once somebody has agreed, before anything is changed; what it throws keeps everything. */
  first?: () => Promise<void>;
  /** Said before anybody is asked. */
  remark?: string;
}

/** Destroys them through the gate; the config then has none of them, so that no later `up` rents them again. */
export async function takeDown(
  session: Session,
  all: Fleets,
  { what, fleets, workers, first, remark }: TakeDown,
  options: ChangingOptions,
): Promise<number> {
  const volumes = fleets.flatMap((fleet) => volumesOf(all, fleet));
  const whole = fleets.map(({ name }) => name);
  const edits = all.fleets.flatMap((fleet) => (whole.includes(fleet.name) ? emptied(fleet) : leftOut(fleet, workers)));
  if (workers.length + volumes.length + edits.length === 0) {
    if (options.json) printJson({ stack: session.stack.name, steps: [], fleets: [] });
    else console.log("Nothing of that is rented.");
    return EXIT.ok;
  }
  const question = [questionOf(workers, volumes.length, edits), ...(remark === undefined ? [] : [remark])].join("\n");
  return makeChange(
    session,
    {
      ...{ what, why: typed(), edits, question, destroy: true, ...(first ? { first } : {}) },
      fleets: [...new Set([...whole, ...workers.flatMap(({ fleet }) => fleet ?? [])])],
      targets: [...workers.map(({ urn }) => urn), ...volumes],
    },
    options,
  );
}

function emptied({ name, config }: Fleet): FleetEdit[] {
  return config && config.workers > 0 ? [{ fleet: name, path: ["workers"], value: 0 }] : [];
}

/** A prefix may name single workers: their fleet goes on without them. */
export function leftOut(fleet: Fleet, going: readonly Worker[]): FleetEdit[] {
  const numbers = going.flatMap((worker) => (worker.fleet === fleet.name ? (worker.number ?? []) : []));
  return without(fleet, new Set(numbers));
}

function questionOf(workers: readonly Worker[], volumes: number, edits: readonly FleetEdit[]): string {
  const sizes = edits.filter(({ path }) => path[0] === "workers").map(({ fleet, value }) => `${fleet} ${value}`);
  return [
    workers.length + volumes === 0
      ? "Nothing of that is rented."
      : "This is destroyed, its results copied out and verified first:",
    ...workers.map(({ label, contract, condition, dph, state }) => {
      const copied = state.copyOut?.waive === undefined ? "" : `; NOTHING IS COPIED OUT: ${state.copyOut.waive}`;
      return `  ${label} (contract ${contract}, ${condition}, ${usd(dph)}/h${copied})`;
    }),
    ...(volumes > 0 ? [`  and ${volumes} ${volumes === 1 ? "volume" : "volumes"} of theirs`] : []),
    ...(sizes.length > 0 ? [`Workers of these fleets in the config from then on: ${sizes.join(", ")}.`] : []),
  ].join("\n");
}
