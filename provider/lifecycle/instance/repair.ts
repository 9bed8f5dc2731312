import { VastError } from "../../api/errors.ts";
import type { InstanceRow } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { parkedUrl } from "../../copy-out/parked.ts";
import { usd } from "../../fleet/place.ts";
import { PRICE_TOLERANCE, winningBid } from "./bids.ts";
import { failedBoot, type Recorded } from "./boot.ts";
import { type Condition, conditionOf, isOutbid, saidOf } from "./condition.ts";
import { pastExpiry } from "./expiry.ts";
import type { InstanceInputs } from "./inputs.ts";
import type { InstanceState } from "./outputs.ts";

/** What an `up` has to do about a contract that is not as the program wants it, and what it has not. */
export interface Finding {
  reason: string;
  /** `leave` is said and nothing is done. */
  what: "repair" | "replace" | "leave";
  /** The property shown as the cause of a replacement. */
  property?: string;
}

type Inputs = Partial<InstanceInputs>;
type State = Partial<InstanceState>;

/** One finding at most, the gravest first. What needs a call of its own (SSH keys) is judged by the caller. */
export function findingOf(context: Context, row: InstanceRow, olds: State, news: Inputs): Finding | undefined {
  const expired = pastExpiry(news, row, context.clock);
  if (expired !== undefined) return afterExpiry(row, expired);
  return (
    overPrice(row, news) ?? (news.state === "stopped" ? shouldBeStopped(row) : shouldRun(context, row, olds, news))
  );
}

/** Whatever else is wrong with it: nobody pays any more for what is not to run any more. */
function afterExpiry(row: InstanceRow, expired: string): Finding {
  const condition = conditionOf(row);
  const end = "`pulumi destroy` ends it, a later expiry revives it";
  const reason = `contract ${row.id} is past its expiry ${expired}`;
  return MAY_RUN.has(condition)
    ? { what: "repair", reason: `${reason}: it is stopped in place and its disk goes on billing; ${end}` }
    : { what: "leave", reason: `${reason} (it is ${condition}): nothing is started or replaced for it; ${end}` };
}

const MAY_RUN: ReadonlySet<Condition> = new Set(["running", "starting", "scheduling", "crashed"]);

function overPrice(row: InstanceRow, news: Inputs): Finding | undefined {
  const cap = typeof news.offer === "object" ? news.offer.maxDph : undefined;
  if (typeof cap !== "number" || row.dph_total <= cap + PRICE_TOLERANCE) return undefined;
  const reason = `contract ${row.id} now costs ${usd(row.dph_total)}/h all-in, over maxDph ${usd(cap)}/h`;
  return { what: "replace", property: "dph", reason };
}

function shouldBeStopped(row: InstanceRow): Finding | undefined {
  if (conditionOf(row) !== "running") return undefined;
  return { what: "repair", reason: `contract ${row.id} runs although its state should be stopped` };
}

function shouldRun(context: Context, row: InstanceRow, olds: State, news: Inputs): Finding | undefined {
  const said = saidOf(row);
  const because = said === "" ? "" : ` (${said})`;
  switch (conditionOf(row)) {
    case "stopped":
      if (olds.gpuTaken) return gpuTaken(row);
      return { what: "repair", reason: `contract ${row.id} is stopped and bills its disk` };
    case "crashed":
      return ended(row, news, because);
    case "preempted":
      return preempted(row, olds, news);
    case "scheduling":
      if (isOutbid(row)) return preempted(row, olds, news);
      return replace("status", `contract ${row.id} waits for its GPU, which is rented to another`);
    case "expired":
      return replace("endDate", `contract ${row.id} is past its end date and cannot start again`);
    case "host-error":
      return replace("status", `the host of contract ${row.id} gave it up${because}`);
    case "image-error":
      return replace("status", `the image of contract ${row.id} cannot be had${because}`);
    case "offline":
      return offline(context, row, olds, news);
    case "starting":
      return hangs(context, row, olds, news, because);
    case "running":
      if (!olds.restorePending) return undefined;
      return { what: "repair", reason: `contract ${row.id} runs without the files that \`restoreFrom\` asks for` };
    default:
      return undefined;
  }
}

const replace = (property: string, reason: string): Finding => ({ what: "replace", property, reason });

/** No bid and no start gets it back before the other leaves: another try would end the same way, in every `up`. */
function gpuTaken(row: InstanceRow): Finding {
  return replace("status", `contract ${row.id} could not be started again: its GPU is rented to another`);
}

/** An entry point that has run to its end has done its work: starting it again would do it, and bill it, twice. */
function ended(row: InstanceRow, news: Inputs, because: string): Finding {
  if (news.runtype !== "args")
    return { what: "repair", reason: `the process of contract ${row.id} has ended${because}` };
  return {
    what: "leave",
    reason: `the entry point of contract ${row.id} has run to its end${because}: nothing is restarted; \`pulumi destroy\` copies its results out`,
  };
}

function hangs(context: Context, row: InstanceRow, olds: State, news: Inputs, because: string): Finding | undefined {
  const failed = failedBoot(row, olds as Recorded, news.bootTimeout ?? Number.POSITIVE_INFINITY, context.clock);
  if (failed === undefined) return undefined;
  return replace("status", `contract ${row.id} does not come up: ${failed} while ${row.actual_status}${because}`);
}

function offline(context: Context, row: InstanceRow, olds: State, news: Inputs): Finding {
  const reason = `the host of contract ${row.id} (machine ${row.machine_id}) is offline; it bills nothing meanwhile`;
  const target = olds.copyOut?.target;
  if (news.onOffline !== "park" || target === undefined)
    return { what: "leave", reason: `${reason}. \`onOffline: "park"\` would rent another now` };
  if (olds.volume) return { what: "leave", reason: `${reason}. It is not parked: its volume is on that machine, too` };
  const next = news.copyOut?.target;
  // An object: what a preview does not know yet is a text.
  if (typeof next === "object" && parkedUrl(next, row.id) !== parkedUrl(target, row.id))
    return { what: "leave", reason: `${reason}. It is not parked while \`copyOut.target\` changes` };
  context.parking.wanted.add(row.id);
  return replace("status", `${reason}. It is parked: not destroyed, but on record in ${parkedUrl(target, row.id)}`);
}

function preempted(row: InstanceRow, olds: State, news: Inputs): Finding {
  const reason = `contract ${row.id} was outbid (going price ${usd(row.min_bid ?? 0)}/h)`;
  if (news.onInterruption === "fail") {
    throw new VastError("blocked", `${news.label}: ${reason}, and onInterruption is "fail"`, {
      fix: 'raise `bid`, or set onInterruption to "rebid" or "replace"',
    });
  }
  if (olds.gpuTaken) return gpuTaken(row);
  if (news.onInterruption !== "rebid" || !news.offer) return replace("status", reason);
  const { offer, bid, maxBid } = news;
  const next = winningBid({ offer, bid, maxBid }, row);
  if (next !== undefined) return { what: "repair", reason: `${reason}; bidding ${usd(next)}/h` };
  return replace("status", `${reason}, over what may be bid (maxBid ${usd(maxBid ?? bid ?? 0)}/h, and maxDph all-in)`);
}
