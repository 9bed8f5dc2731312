import { createHash } from "node:crypto";
import type { InstanceRow } from "../api/instances.ts";

/** Environment variable of a contract that says whose it is; the label is the user's to change (design.md, "Identity"). */
export const MARK_VARIABLE = "PULUMI_VAST_MARK";

/** Whose resources they are: `owner` tells apart two people's `dev` stacks on one account. */
export interface StackIdentity {
  project: string;
  stack: string;
  owner: string;
}

const STACK_DIGITS = 12;
const NAME_DIGITS = 20;
/** The part of a mark's name half that fits beside 40 characters of a volume's own name. */
const VOLUME_NAME_DIGITS = 11;

/** The beginning of the marks of all resources of one stack. */
export function stackMarkPrefix({ project, stack, owner }: StackIdentity): string {
  return hash([project, stack, owner], STACK_DIGITS);
}

/**
 * The mark of one resource: the same in every run, so that a contract whose answer was lost, or whose engine died, is
 * recognised. Its beginning tells the stack, so that a contract whose resource is nowhere any more still has an owner.
 */
export function makeMark(identity: StackIdentity & { name: string }): string {
  const { project, stack, owner, name } = identity;
  return stackMarkPrefix(identity) + hash([project, stack, owner, name], NAME_DIGITS);
}

function hash(parts: readonly string[], digits: number): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, digits);
}

export function markOf(row: InstanceRow): string | undefined {
  return row.extra_env.find(([key]) => key === MARK_VARIABLE)?.[1];
}

export function rowsWithMark(rows: ReadonlyMap<number, InstanceRow>, mark: string): InstanceRow[] {
  return [...rows.values()].filter((row) => markOf(row) === mark).sort((a, b) => a.id - b.id);
}

/**
 * Volumes carry no environment: the mark rides in the name, as much of it as fits. The API limits names to 64 letters,
 * digits and _ (vast-api.md 4).
 */
export function markedVolumeName(name: string, mark: string): string {
  return `${name}_${markInVolumeName(mark)}`;
}

/** As much of a mark as a volume's name carries. */
export function markInVolumeName(mark: string): string {
  return mark.slice(0, STACK_DIGITS + VOLUME_NAME_DIGITS);
}

const IN_VOLUME_NAME = new RegExp(`^(.+)_([0-9a-f]{${STACK_DIGITS + VOLUME_NAME_DIGITS}})$`);

/** What a volume's name says of its resource: its own name, and the beginning of its mark; undefined when it is not ours. */
export function parseVolumeName(label: string | null | undefined): { name: string; mark: string } | undefined {
  const [, name, mark] = IN_VOLUME_NAME.exec(label ?? "") ?? [];
  return name === undefined || mark === undefined ? undefined : { name, mark };
}
