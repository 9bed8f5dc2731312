import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { workerNumbers } from "pulumi-vast/internal/fleet/worker-numbers";
import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { makeMark, markOf, type StackIdentity } from "pulumi-vast/internal/lifecycle/mark";
import type { FleetEdit, FleetEntry } from "../fleet/config.ts";
import { without } from "../fleet/numbers.ts";

/** Whom the config asks for. */
export interface Member {
  fleet: string;
  number: number;
}

export type MemberOf = (row: InstanceRow) => Member | undefined;

/**
 * Told by the contract's mark, or by its name where the state has it (adopted ones carry no mark), whatever its label says;
 * undefined for what no fleet of the config asks for.
 */
export function membersOf(
  fleets: Readonly<Record<string, FleetEntry>>,
  identity: StackIdentity,
  recorded: ReadonlyMap<number, string>,
): MemberOf {
  const members = new Map(
    Object.entries(fleets).flatMap(([fleet, { workers, absent, worker }]) =>
      workerNumbers(workers, absent).map((number) => {
        const name = `${fleet}-${worker}-${number}`;
        return [makeMark({ ...identity, name }), { fleet, number }] as const;
      }),
    ),
  );
  return (row) => {
    const name = recorded.get(row.id);
    return members.get((name === undefined ? markOf(row) : makeMark({ ...identity, name })) ?? "");
  };
}

/** So that neither an `up` nor a monitor rents them again: fleets of the prefix have 0 workers, others go on without these. */
export function editsToKeepDown(
  fleets: Readonly<Record<string, FleetEntry>>,
  prefix: string | undefined,
  killed: readonly Member[],
): FleetEdit[] {
  return Object.entries(fleets).flatMap(([name, config]) => {
    if (matchesPrefix(name, prefix)) return config.workers > 0 ? [{ fleet: name, path: ["workers"], value: 0 }] : [];
    const numbers = killed.flatMap(({ fleet, number }) => (fleet === name ? [number] : []));
    return without({ name, config, workers: [] }, new Set(numbers));
  });
}
