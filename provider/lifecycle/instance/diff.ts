import { VastError } from "../../api/errors.ts";
import type { InstanceRow } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { misfit as misfitOf, usd } from "../../fleet/place.ts";
import { changesOf } from "../changes.ts";
import { UNKNOWN } from "../check.ts";
import { conditionOf } from "./condition.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";
import { needOf } from "./need.ts";
import { findContract } from "./read.ts";
import { rentedMachine } from "./rented-machine.ts";

export interface DiffResult {
  changes: boolean;
  replaces?: string[];
  deleteBeforeReplace?: boolean;
}

/** Fixed at the rental (vast-api.md 3.1): only another contract can have them otherwise. */
export const REPLACES: readonly (keyof InstanceInputs)[] = ["disk", "ports", "volume", "runtype", "mark"];
/** Through the template update, which recreates the container: its disk outside volumes is lost, so the gate runs first. */
export const RECREATES_CONTAINER: readonly (keyof InstanceInputs)[] = ["image", "env", "onstart"];
/** A machine that meets them as they are now is kept, whatever they were. */
export const REPLACES_IF_UNMET: readonly (keyof InstanceInputs)[] = ["offer", "bid"];
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
  const repair = repairNeeded(id, row, olds, news);
  if (repair) {
    context.log(
      `${name}: ${repair.reason} → ${repair.replace === undefined ? "`up` repairs it in place" : "`up` replaces it"}`,
    );
  }
  const [asked] = REPLACES_IF_UNMET.filter((key) => changed.has(key));
  const misfit = row && asked ? criteriaReason(row, olds, news) : undefined;
  if (misfit) context.log(`${name}: ${misfit} → \`up\` replaces it`);
  const replaces = [
    ...REPLACES.filter((key) => changed.has(key)),
    ...(repair?.replace === undefined ? [] : [repair.replace]),
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
    changes: replaces.length > 0 || repair !== undefined || changed.size > 0,
    replaces: [...new Set(replaces)],
    // Create-first would find the old contract by its mark and take it for the new one.
    deleteBeforeReplace: true,
  };
}

function repairNeeded(
  id: string,
  row: InstanceRow | undefined,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Repair | undefined {
  if (row === undefined) return { replace: "contractId", reason: `contract ${id} is gone` };
  return neverStarted(row, olds) ? undefined : repairOf(row, news as Partial<InstanceInputs>);
}

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

interface Repair {
  reason: string;
  /** The property shown as the cause of a replacement; undefined repairs in place. */
  replace?: string;
}

function repairOf(row: InstanceRow, news: Partial<InstanceInputs>): Repair | undefined {
  const condition = conditionOf(row);
  const said = (row.status_msg ?? "").trim().slice(0, 120);
  const cap = typeof news.offer === "object" ? news.offer.maxDph : undefined;
  if (typeof cap === "number" && row.dph_total > cap + 1e-4) {
    return {
      reason: `contract ${row.id} now costs ${usd(row.dph_total)}/h all-in, over maxDph ${usd(cap)}/h`,
      replace: "dph",
    };
  }
  if (news.state === "stopped") {
    return condition === "running"
      ? { reason: `contract ${row.id} runs although its state should be stopped` }
      : undefined;
  }
  switch (condition) {
    case "stopped":
      return { reason: `contract ${row.id} is stopped and bills its disk` };
    case "crashed":
      return { reason: `the process of contract ${row.id} has ended${said ? ` (${said})` : ""}` };
    case "preempted":
      return preempted(row, news);
    case "scheduling":
      return { reason: `contract ${row.id} waits for its GPU, which is rented to another`, replace: "status" };
    case "expired":
      return { reason: `contract ${row.id} is past its end date and cannot start again`, replace: "endDate" };
    case "host-error":
    case "image-error":
      return { reason: `contract ${row.id} never started: ${said}`, replace: "status" };
    default:
      return undefined;
  }
}

function preempted(row: InstanceRow, news: Partial<InstanceInputs>): Repair {
  const reason = `contract ${row.id} was outbid (going price ${usd(row.min_bid ?? 0)}/h)`;
  if (news.onInterruption === "fail") {
    throw new VastError("blocked", `${news.label}: ${reason}, and onInterruption is "fail"`, {
      fix: 'raise `bid`, or set onInterruption to "rebid" or "replace"',
    });
  }
  const affordable = news.maxBid !== undefined && (row.min_bid ?? Number.POSITIVE_INFINITY) <= news.maxBid;
  if (news.onInterruption === "rebid" && affordable)
    return { reason: `${reason}; bidding again, at most ${usd(news.maxBid ?? 0)}/h` };
  return { reason, replace: "status" };
}

/** Criteria that the rented machine still meets are no reason to give it up. */
function criteriaReason(
  row: InstanceRow,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): string | undefined {
  const parsed = inputsSchema.safeParse(
    Object.fromEntries(Object.entries(news).filter(([key, value]) => key !== "__provider" && value !== UNKNOWN)),
  );
  if (!parsed.success) return undefined;
  const inputs = parsed.data;
  if ((inputs.bid === undefined) !== (olds.bid === undefined))
    return "on demand and interruptible cannot be changed after the rental (vast-api.md 3.6)";
  if ("id" in inputs.offer)
    return inputs.offer.id === olds.offerId
      ? undefined
      : `offer ${inputs.offer.id} is pinned, the contract came from another`;
  const reason = misfitOf(needOf(inputs), rentedMachine(row));
  return reason === undefined ? undefined : `the rented machine does not meet the new criteria: ${reason}`;
}
