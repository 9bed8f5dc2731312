import { makeChange } from "./change/change.ts";
import type { UpOptions } from "./commands/up.ts";
import type { FleetEdit } from "./fleet/config.ts";
import { chosenFleet, configured } from "./fleet/find.ts";
import { targetsOf } from "./fleet/targets.ts";
import { typed } from "./options.ts";
import { openSession } from "./session.ts";
import { UsageError } from "./terminal.ts";

export async function up(workers: number | undefined, options: UpOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  if (workers === undefined && options.fleet === undefined && options.gpu === undefined) {
    const fleets = all.fleets.map(({ name }) => name);
    return makeChange(session, { what: "up", why: typed(), edits: [], fleets, targets: undefined }, options);
  }
  const fleet = chosenFleet(all, options.fleet);
  const has = configured(fleet).workers;
  const wanted = workers ?? has;
  if (wanted < has)
    throw new UsageError(
      `fleet "${fleet.name}" has ${has} workers, and up destroys none: vast-fleet scale ${fleet.name}=${wanted}`,
    );
  const edits: FleetEdit[] = [
    ...(wanted === has ? [] : [{ fleet: fleet.name, path: ["workers"], value: wanted }]),
    ...(options.gpu ? [{ fleet: fleet.name, path: ["with", "offer", "gpu"], value: options.gpu }] : []),
  ];
  const targets = targetsOf(all, fleet, wanted);
  return makeChange(session, { what: "up", why: typed(), edits, fleets: [fleet.name], targets }, options);
}
