import { makeChange } from "./change/change.ts";
import type { Sizes } from "./commands/scale.ts";
import type { FleetEdit } from "./fleet/config.ts";
import { chosenFleet, configured } from "./fleet/find.ts";
import type { Fleets } from "./fleet/read.ts";
import { targetsOf } from "./fleet/targets.ts";
import { type ChangingOptions, typed } from "./options.ts";
import { openSession, type Session } from "./session.ts";

export async function scale(wanted: Sizes, options: ChangingOptions): Promise<number> {
  const session = await openSession(options);
  return scaleTo(session, await session.fleets(), wanted, { what: "scale", why: typed() }, options);
}

/** Sets the numbers of workers of fleets, and touches those fleets alone. */
export async function scaleTo(
  session: Session,
  all: Fleets,
  wanted: Sizes,
  { what, why }: { what: string; why: string },
  options: Pick<ChangingOptions, "yes" | "json">,
): Promise<number> {
  const { edits, targets } = sizing(all, wanted);
  return makeChange(session, { what, why, edits, fleets: Object.keys(wanted), targets }, options);
}

/** The edits of the config, and what an `up` then touches. */
export function sizing(all: Fleets, wanted: Sizes): { edits: FleetEdit[]; targets: string[] | undefined } {
  const chosen = Object.entries(wanted).map(([name, workers]) => ({ fleet: chosenFleet(all, name), workers }));
  const edits = chosen.flatMap(({ fleet, workers }) =>
    configured(fleet).workers === workers ? [] : [{ fleet: fleet.name, path: ["workers"], value: workers }],
  );
  const targets = chosen.map(({ fleet, workers }) => targetsOf(all, fleet, workers));
  return {
    edits,
    targets: targets.some((some) => some === undefined) ? undefined : targets.flatMap((some) => some ?? []),
  };
}
