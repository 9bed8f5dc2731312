import type { InstanceRow } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { misfit as misfitOf } from "../../fleet/place.ts";
import { changesOf } from "../changes.ts";
import { UNKNOWN } from "../check.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";
import { needOfRented } from "./need.ts";
import type { InstanceState } from "./outputs.ts";
import { findContract } from "./read.ts";
import { rentedMachine } from "./rented-machine.ts";
import { type Finding, findingOf } from "./repair.ts";
import { lostKeys, nameOfKey } from "./ssh-keys.ts";

export interface DiffResult {
  changes: boolean;
  replaces?: string[];
  deleteBeforeReplace?: boolean;
}

/** Fixed at the rental (vast-api.md 3.1): only another contract can have them otherwise. */
export const REPLACES: readonly (keyof InstanceInputs)[] = ["disk", "ports", "volume", "runtype", "mark"];
/** Through the template update, which recreates the container: its disk outside volumes is lost, so the gate runs first. */
export const RECREATES_CONTAINER: readonly (keyof InstanceInputs)[] = ["image", "template", "args", "env", "onstart"];
/** A machine that meets them as they are now is kept, whatever they were. */
export const REPLACES_IF_UNMET: readonly (keyof InstanceInputs)[] = ["offer", "bid", "fallback"];
/** The template update has no login (vast-api.md 3.5): a contract keeps the one it was rented with. */
export const AT_NEXT_RENTAL: readonly (keyof InstanceInputs)[] = ["imageLogin"];
/**
 * `adopt` says where the contract came from; taking it out of the program later changes nothing. `resource` says only what
 * the mark says too, and earlier states lack it.
 */
export const NOT_COMPARED: readonly (keyof InstanceInputs)[] = ["adopt", "resource"];

/**
 * What would change, from the inputs and from the machine as it is now, so that a plain `up` repairs a worker that was
 * preempted, stopped or lost, without a refresh before it (design.md, "VastInstance", diff).
 */
export async function diffInstance(
  context: Context,
  id: string,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Promise<DiffResult> {
  const changed = changedInputs(olds, news);
  const name = String(news.label ?? olds.label);
  const row = await findContract(context, id, olds);
  const found = await findings(context, id, row, olds, news);
  if (found) context.log(`${name}: ${found.reason}${CONSEQUENCE[found.what]}`);
  const [asked] = REPLACES_IF_UNMET.filter((key) => changed.has(key));
  const misfit = row && asked ? criteriaReason(context, row, olds, news) : undefined;
  if (misfit) context.log(`${name}: ${misfit} → \`up\` replaces it`);
  const replaces = [
    ...REPLACES.filter((key) => changed.has(key)),
    ...(found?.property === undefined ? [] : [found.property]),
    ...(misfit && asked ? [asked] : []),
  ];
  const recreated = RECREATES_CONTAINER.filter((key) => changed.has(key));
  if (recreated.length > 0 && replaces.length === 0) {
    const how = "recreates the container on its machine; files outside volumes are copied out first";
    context.log(`${name}: a new ${recreated.join(", ")} ${how}`);
  }
  for (const key of AT_NEXT_RENTAL.filter((key) => changed.has(key)))
    context.log(`${name}: the new ${key} is kept for the next rental`);
  return {
    changes: replaces.length > 0 || found?.what === "repair" || changed.size > 0,
    replaces: [...new Set(replaces)],
    // Create-first would find the old contract by its mark and take it for the new one.
    deleteBeforeReplace: true,
  };
}

/** From the contract as it is now; says what it finds. */
async function findings(
  context: Context,
  id: string,
  row: InstanceRow | undefined,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Promise<Finding | undefined> {
  if (row === undefined) return { what: "replace", property: "contractId", reason: `contract ${id} is gone` };
  if (neverStarted(row, olds)) return undefined;
  const found = findingOf(context, row, olds as Partial<InstanceState>, news as Partial<InstanceInputs>);
  if (found?.what === "replace" || found?.what === "repair") return found;
  const lost = await lostKeys(context, row, news as Partial<InstanceInputs>);
  if (lost.length === 0) return found;
  const names = lost.map(nameOfKey).join(", ");
  return { what: "repair", reason: `contract ${id} has lost the SSH ${lost.length === 1 ? "key" : "keys"} ${names}` };
}

const CONSEQUENCE: Readonly<Record<Finding["what"], string>> = {
  repair: " → `up` repairs it in place",
  replace: " → `up` replaces it",
  leave: "",
};

export function changedInputs(olds: Record<string, unknown>, news: Record<string, unknown>): Set<keyof InstanceInputs> {
  const keys = (Object.keys(inputsSchema.shape) as (keyof InstanceInputs)[]).filter(
    (key) => !NOT_COMPARED.includes(key),
  );
  return changesOf(inputsSchema, keys, olds, news) as Set<keyof InstanceInputs>;
}

/** Rented stopped, as it was asked: that it does not run is no failure of its host. */
function neverStarted(row: InstanceRow, olds: Record<string, unknown>): boolean {
  return olds.state === "stopped" && row.actual_status === null && row.intended_status === "stopped";
}

/** Criteria that the rented machine still meets are no reason to give it up. */
function criteriaReason(
  context: Context,
  row: InstanceRow,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): string | undefined {
  const parsed = inputsSchema.safeParse(
    Object.fromEntries(Object.entries(news).filter(([key, value]) => key !== "__provider" && value !== UNKNOWN)),
  );
  if (!parsed.success) return undefined;
  const inputs = parsed.data;
  const need = needOfRented(inputs, row.is_bid, context.clock.nowS());
  if (row.is_bid !== (need.bid !== undefined))
    return "on demand and interruptible cannot be changed after the rental (vast-api.md 3.6)";
  if ("id" in inputs.offer)
    return inputs.offer.id === olds.offerId
      ? undefined
      : `offer ${inputs.offer.id} is pinned, the contract came from another`;
  const reason = misfitOf(need, rentedMachine(row));
  return reason === undefined ? undefined : `the rented machine does not meet the new criteria: ${reason}`;
}
