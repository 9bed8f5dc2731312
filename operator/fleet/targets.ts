import { workerNumbers } from "pulumi-vast/internal/fleet/worker-numbers";
import { nameOf } from "../stack/state.ts";
import type { Fleet, Fleets } from "./read.ts";

/**
 * What an `up` of one fleet alone touches: the fleet, its workers and their volumes, those that `workers` adds included.
 * Undefined for a fleet that does not exist yet: what it needs may have to be made as well, so everything is touched.
 */
export function targetsOf({ known }: Pick<Fleets, "known">, fleet: Fleet, workers: number): string[] | undefined {
  const urn = known.fleets.find((candidate) => nameOf(candidate) === fleet.name);
  if (urn === undefined) return undefined;
  const members = known.recorded.filter(({ parent }) => parent === urn).map((resource) => resource.urn);
  const { worker = "worker", absent } = fleet.config ?? {};
  const names = workerNumbers(workers, absent).map((number) => `${fleet.name}-${worker}-${number}`);
  const missing = names.filter((name) => !members.some((member) => nameOf(member) === name));
  // Where they will be depends on the fleet's own place in the program.
  return [urn, ...members, ...missing.flatMap((name) => [`**::${name}`, `**::${name}-volume`])];
}

/** The volumes of a fleet's workers. */
export function volumesOf({ known }: Pick<Fleets, "known">, fleet: Fleet): string[] {
  return known.recorded
    .filter(({ type, parent = "" }) => type === "Volume" && nameOf(parent) === fleet.name)
    .map(({ urn }) => urn);
}
