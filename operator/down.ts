import { usd } from "pulumi-vast/internal/fleet/place";
import { makeChange } from "./change/change.ts";
import type { FleetEdit } from "./fleet/config.ts";
import { without } from "./fleet/numbers.ts";
import { type Fleet, fleetsWithPrefix, type Worker, withPrefix } from "./fleet/read.ts";
import { volumesOf } from "./fleet/targets.ts";
import { type ChangingOptions, typed } from "./options.ts";
import { openSession } from "./session.ts";
import { EXIT } from "./terminal.ts";

export async function down(prefix: string | undefined, options: ChangingOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  const fleets = fleetsWithPrefix(all, prefix);
  const workers = withPrefix(all, prefix);
  const volumes = fleets.flatMap((fleet) => volumesOf(all, fleet));
  const names = fleets.map(({ name }) => name);
  const edits = all.fleets.flatMap((fleet) => (names.includes(fleet.name) ? emptied(fleet) : leftOut(fleet, workers)));
  if (workers.length + volumes.length + edits.length === 0) {
    console.log(`Nothing is rented${prefix === undefined ? "" : ` under "${prefix}"`}.`);
    return EXIT.ok;
  }
  const targets = [...workers.map(({ urn }) => urn), ...volumes];
  const question = questionOf(workers, volumes.length, edits);
  const change = { what: "down", why: typed(), edits, fleets: names, targets, destroy: true, question };
  return makeChange(session, change, options);
}

function emptied({ name, config }: Fleet): FleetEdit[] {
  return config && config.workers > 0 ? [{ fleet: name, path: ["workers"], value: 0 }] : [];
}

/** A prefix may name single workers: their fleet goes on without them. */
function leftOut(fleet: Fleet, going: readonly Worker[]): FleetEdit[] {
  const numbers = going.flatMap((worker) => (worker.fleet === fleet.name ? (worker.number ?? []) : []));
  return without(fleet, new Set(numbers));
}

function questionOf(workers: readonly Worker[], volumes: number, edits: readonly FleetEdit[]): string {
  const sizes = edits.filter(({ path }) => path[0] === "workers").map(({ fleet, value }) => `${fleet} ${value}`);
  return [
    "This is destroyed, its results copied out and verified first:",
    ...workers.map(({ label, contract, condition, dph, state }) => {
      const copied = state.copyOut?.waive === undefined ? "" : `; NOTHING IS COPIED OUT: ${state.copyOut.waive}`;
      return `  ${label} (contract ${contract}, ${condition}, ${usd(dph)}/h${copied})`;
    }),
    ...(volumes > 0 ? [`  and ${volumes} ${volumes === 1 ? "volume" : "volumes"} of theirs`] : []),
    ...(sizes.length > 0 ? [`Workers of these fleets in the config from then on: ${sizes.join(", ")}.`] : []),
  ].join("\n");
}
