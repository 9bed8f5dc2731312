import type { InstanceRow } from "../../api/instances.ts";
import type { VolumeRow } from "../../api/volumes.ts";
import { type CopyOut, copyOutSchema } from "../../copy-out/inputs.ts";
import type { ParkedContract } from "../../copy-out/parked.ts";
import { conditionOf, mayHaveRun } from "../instance/condition.ts";
import { markInVolumeName, markOf, parseVolumeName } from "../mark.ts";

/** A resource as a state, a create that was under way, or a program describes it. */
export interface KnownResource {
  urn: string;
  type: "Instance" | "Volume" | "CloudSyncTarget";
  /** Absent until it is made. */
  id?: string | undefined;
  props: Record<string, unknown>;
}

/** What is known of a stack's resources besides what the service says. */
export interface StackKnowledge {
  /** With which the marks of this stack begin. */
  markPrefix: string;
  /** What the state records. */
  recorded: readonly KnownResource[];
  /** Creates that the engine had begun when it last wrote the state: an update is under way, or was cut short. */
  pending: readonly KnownResource[];
  /** What the program declares; undefined where it was not asked. */
  program?: readonly KnownResource[] | undefined;
  /** What an earlier state recorded: no claim on anything, but it may say how to copy out. */
  remembered?: readonly KnownResource[] | undefined;
}

/** What the service and the bucket say, asked at one time. */
export interface Observed {
  rows: ReadonlyMap<number, InstanceRow>;
  volumes: readonly VolumeRow[];
  parked: readonly ParkedContract[];
  /** URNs of recorded instances and volumes that are proven gone. */
  gone: ReadonlySet<string>;
}

/**
 * Who puts it right.
 * - `up`: the program has its resource, whose create takes it up by its mark.
 * - `unfinished`: an update is under way or was cut short; until that is settled nobody else touches it.
 * - `destroy`: no resource will ever ask for it.
 * - `unsure`: the program was not asked, so nobody knows.
 */
export type SettledBy = "up" | "unfinished" | "destroy" | "unsure";

/** A contract with this stack's mark that no state knows. */
export interface Orphan {
  row: InstanceRow;
  mark: string;
  /** There may be results on its disk: only through the copy-out gate. */
  mayHaveRun: boolean;
  /** What says, or once said, what this contract is. */
  resource: KnownResource | undefined;
  copyOut: CopyOut | undefined;
  /** Its resource in the program; null when the program has none, undefined when it was not asked. */
  declared: KnownResource | null | undefined;
  settledBy: SettledBy;
  /** The contract of the same mark that a state knows, or the older one of two that none knows. */
  duplicateOf: number | undefined;
}

/** A state entry whose contract or volume is gone. */
export interface Missing {
  resource: KnownResource;
  /** A living contract with the same mark: the next `up` takes it up. */
  successor: number | undefined;
}

export interface Parked {
  record: ParkedContract;
  /** `gone`: not listed any more; destroyed elsewhere. */
  host: "back" | "offline" | "gone";
}

export interface OrphanVolume {
  row: VolumeRow;
  name: string;
  resource: KnownResource | undefined;
  declared: KnownResource | null | undefined;
  settledBy: SettledBy;
  /** The volume of the same mark that a state knows, or the older one of two that none knows. */
  duplicateOf: number | undefined;
}

export interface IdleVolume {
  row: VolumeRow;
  resource: KnownResource;
}

export interface Findings {
  orphans: Orphan[];
  missing: Missing[];
  parked: Parked[];
  orphanVolumes: OrphanVolume[];
  /** Recorded, billed, and used by no instance: nothing is wrong with the state. */
  idleVolumes: IdleVolume[];
}

export function classify(observed: Observed, known: StackKnowledge): Findings {
  return {
    orphans: findOrphans(observed, known),
    missing: findMissing(observed, known),
    parked: findParked(observed, known),
    orphanVolumes: findOrphanVolumes(observed, known),
    idleVolumes: findIdleVolumes(observed, known),
  };
}

/** Is there something that a person, an `up` or `reconcile` has to put right? A parked contract waits for its host. */
export function isClean({ orphans, missing, parked, orphanVolumes }: Findings): boolean {
  return [orphans, missing, parked, orphanVolumes].every((found) => found.length === 0);
}

function findOrphans({ rows, parked, gone }: Observed, known: StackKnowledge): Orphan[] {
  const claimed = new Set([...idsOf(known, "Instance"), ...parked.map(({ contract }) => contract)]);
  const ours = [...rows.values()]
    .filter((row) => markOf(row)?.startsWith(known.markPrefix))
    .toSorted((a, b) => a.id - b.id);
  const owners = new Map<string, number>();
  for (const resource of known.recorded)
    if (resource.type === "Instance" && !gone.has(resource.urn))
      owners.set(String(resource.props.mark), Number(resource.id));
  return ours
    .filter(({ id }) => !claimed.has(id))
    .map((row) => {
      const mark = markOf(row) ?? "";
      const duplicateOf = owners.get(mark);
      // Of two that no state knows, creates keep the older one.
      if (duplicateOf === undefined) owners.set(mark, row.id);
      const isIt = ({ type, props }: KnownResource) => type === "Instance" && props.mark === mark;
      const resource = lookUp(known, isIt);
      return {
        row,
        mark,
        mayHaveRun: mayHaveRun(row),
        resource,
        copyOut: copyOutOf(resource),
        ...claimOf(known, isIt, duplicateOf !== undefined),
        duplicateOf,
      };
    });
}

function claimOf(
  { pending, program }: StackKnowledge,
  isIt: (resource: KnownResource) => boolean,
  isSpare: boolean,
): Pick<Orphan, "declared" | "settledBy"> {
  const declared = program && (program.find(isIt) ?? null);
  if (pending.some(isIt)) return { declared, settledBy: "unfinished" };
  if (isSpare || declared === null) return { declared, settledBy: "destroy" };
  return { declared, settledBy: declared === undefined ? "unsure" : "up" };
}

/** The description that is nearest to what was rented: states before programs. */
function lookUp(known: StackKnowledge, isIt: (resource: KnownResource) => boolean): KnownResource | undefined {
  const { recorded, pending, remembered = [], program = [] } = known;
  return [...recorded, ...pending, ...remembered, ...program].find(isIt);
}

function copyOutOf(resource: KnownResource | undefined): CopyOut | undefined {
  const parsed = copyOutSchema.safeParse(resource?.props.copyOut);
  if (!parsed.success || (parsed.data.waive === undefined && !parsed.data.target)) return undefined;
  return parsed.data;
}

function idsOf(known: StackKnowledge, type: KnownResource["type"]): number[] {
  return known.recorded.filter((resource) => resource.type === type).map(({ id }) => Number(id));
}

function findMissing({ rows, gone }: Observed, { recorded }: StackKnowledge): Missing[] {
  return recorded
    .filter(({ urn }) => gone.has(urn))
    .map((resource) => {
      const successor = [...rows.values()].find((row) => markOf(row) === resource.props.mark);
      return { resource, successor: successor?.id };
    });
}

function findParked({ rows, parked }: Observed, known: StackKnowledge): Parked[] {
  const recorded = new Set(idsOf(known, "Instance"));
  return (
    parked
      // Where a state still names the contract, the state holds.
      .filter(({ contract }) => !recorded.has(contract))
      .map((record) => {
        const row = rows.get(record.contract);
        if (!row) return { record, host: "gone" as const };
        return { record, host: conditionOf(row) === "offline" ? ("offline" as const) : ("back" as const) };
      })
  );
}

function findOrphanVolumes({ volumes, gone }: Observed, known: StackKnowledge): OrphanVolume[] {
  const recorded = new Set(idsOf(known, "Volume"));
  // A volume's name has room for the beginning of its mark only.
  const owners = new Map<string, number>();
  for (const { type, urn, id, props } of known.recorded)
    if (type === "Volume" && !gone.has(urn)) owners.set(markInVolumeName(String(props.mark)), Number(id));
  return volumes
    .toSorted((a, b) => a.id - b.id)
    .flatMap((row) => {
      const ours = parseVolumeName(row.label);
      if (!ours?.mark.startsWith(known.markPrefix) || recorded.has(row.id)) return [];
      const isIt = ({ type, props }: KnownResource) => type === "Volume" && String(props.mark).startsWith(ours.mark);
      const duplicateOf = owners.get(ours.mark);
      // Of two that no state knows, creates keep the older one.
      if (duplicateOf === undefined) owners.set(ours.mark, row.id);
      const resource = lookUp(known, isIt);
      return [{ row, name: ours.name, resource, ...claimOf(known, isIt, duplicateOf !== undefined), duplicateOf }];
    });
}

function findIdleVolumes({ volumes }: Observed, { recorded }: StackKnowledge): IdleVolume[] {
  return volumes.flatMap((row) => {
    const resource = recorded.find(({ type, id }) => type === "Volume" && Number(id) === row.id);
    const inUse = row.status === "in-use" || (row.instances ?? []).length > 0;
    return resource && !inUse ? [{ row, resource }] : [];
  });
}
