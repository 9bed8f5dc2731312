import { isVastError, VastError } from "../../api/errors.ts";
import { type InstanceRow, setBid, setLabel, setState, updateTemplate } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { proveTarget } from "../../copy-out/canary.ts";
import { copyOutBefore } from "../../copy-out/gate.ts";
import { noteRecreation } from "../../copy-out/recreation.ts";
import { onceRunning } from "../../copy-out/restore.ts";
import { changeSchedule, removeSchedule } from "../../copy-out/schedule.ts";
import { assertRecorded, volumeUsed } from "../../copy-out/volume-record.ts";
import { usd } from "../../fleet/place.ts";
import { PRICE_TOLERANCE, winningBid, withinBids } from "./bids.ts";
import { bootOf } from "./boot.ts";
import { conditionOf, isDown, isOutbid } from "./condition.ts";
import { containerSettings } from "./container.ts";
import { changedInputs, RECREATES_CONTAINER } from "./diff.ts";
import { pastExpiry } from "./expiry.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";
import { factsOf, type InstanceFacts, type InstanceState } from "./outputs.ts";
import { findContract, plain } from "./read.ts";
import { waitUntilReady } from "./ready.ts";
import { bringKeys } from "./ssh-keys.ts";
import { isUnfinished, unfinished } from "./unfinished.ts";
import { DudError, freshRow, stopAndWait, waitUntilRunning } from "./wait.ts";

/** Applies in-place changes and repairs: label, bid, running or stopped, keys, and the container's image and settings. */
export async function updateInstance(
  context: Context,
  id: string,
  olds: Record<string, unknown>,
  rawNews: Record<string, unknown>,
): Promise<{ outs: Record<string, unknown> }> {
  const { __provider, ...given } = rawNews;
  const news = inputsSchema.parse(given);
  const old = olds as unknown as InstanceState;
  const changed = changedInputs(olds, rawNews);
  const row = await findContract(context, id, old, 0);
  if (!row)
    throw new VastError("not-found", `${news.label}: contract ${id} is gone`, {
      fix: "run `pulumi up` again: it will be replaced",
    });
  const target = news.copyOut?.target;
  if (news.volume && target) await assertRecorded(context, news.label, target, news.volume.id);
  if ((row.label ?? "") !== news.label) await context.transport.call(setLabel, row.id, news.label);
  await bringKeys(context, row.id, news.sshKeys, old.sshKeys);
  const bid = await bidAgain(context, row, news, changed.has("bid"));
  await changeSchedule(context, old, news, row);
  const recreated = RECREATES_CONTAINER.some((key) => changed.has(key));
  if (recreated) await recreate(context, row, old, news);
  context.sweeper.invalidate();
  const state = { context, old, news, provider: __provider };
  const now = await bringTo(state, row.id, recreated).catch((error: unknown) => {
    throw recreated ? recreatedAndKept(state, row, error) : error;
  });
  assertCharged(news, now, bid);
  // What runs by now has been seen to; what does not is seen to by the up that finds it running.
  const settled = conditionOf(now) === "running";
  return { outs: plain({ ...news, ...factsAfter(state, now, recreated, settled) }) };
}

interface Update {
  context: Context;
  old: InstanceState;
  news: InstanceInputs;
  provider: unknown;
}

function factsAfter(
  { context, old, news }: Update,
  row: InstanceRow,
  restarted: boolean,
  settled = false,
): InstanceFacts {
  // A boot that this update began is not the one that the state may have recorded.
  const before = restarted ? { everRan: true } : old;
  const { home, offerId, alternatives = 0, everRan = true } = old;
  const restorePending = settled ? undefined : old.restorePending;
  const boot = bootOf(row, before, context.clock);
  return factsOf(row, { home, alternatives, offerId, everRan, restorePending, boot }, news);
}

async function recreate(context: Context, row: InstanceRow, old: InstanceState, news: InstanceInputs): Promise<void> {
  const saved = await copyOutBefore(context, {
    state: { ...old, copyOut: news.copyOut ?? old.copyOut, restoreFrom: news.restoreFrom },
    row,
    purpose: "the container is recreated",
  });
  if (await noteRecreation(context, news, row.id, saved)) await removeSchedule(context, news, row.id);
  await volumeInUseAgain(news, row.id);
  await context.transport.call(updateTemplate, row.id, containerSettings(news));
}

/** The bid that was made, if one was, USD/h. */
async function bidAgain(
  context: Context,
  row: InstanceRow,
  news: InstanceInputs,
  bidChanged: boolean,
): Promise<number | undefined> {
  // A fallback's contract has no bid that could be changed.
  if (news.bid === undefined || !row.is_bid) return undefined;
  const outbid = isOutbid(row) && news.onInterruption === "rebid";
  // A bid that an earlier interruption raised within its bounds is no drift.
  if (!outbid && !bidChanged && withinBids(row.dph_base, news)) return undefined;
  const bid = (outbid ? winningBid(news, row) : undefined) ?? news.bid;
  if (Math.abs(bid - row.dph_base) < 1e-6) return undefined;
  context.log(`${news.label}: bid ${usd(row.dph_base)}/h → ${usd(bid)}/h`);
  await context.transport.call(setBid, row.id, bid);
  return bid;
}

/** What is charged is read back, like the price of a rental (user-pains 10). */
function assertCharged(news: InstanceInputs, row: InstanceRow, bid: number | undefined): void {
  if (bid === undefined || row.dph_base <= bid + PRICE_TOLERANCE) return;
  throw new VastError(
    "unexpected",
    `${news.label}: ${usd(bid)}/h was bid for contract ${row.id}, but the service charges ${usd(row.dph_base)}/h for it`,
    { fix: "look at it in the Vast console; `pulumi up` replaces it once it costs more than `maxDph`" },
  );
}

/** What a gate has saved of the volume is out of date once the container runs on. */
async function volumeInUseAgain(news: InstanceInputs, id: number): Promise<void> {
  const target = news.copyOut?.target;
  if (news.volume && target) await volumeUsed(target, news.volume.id, id);
}

/** Starts or stops the instance as the inputs, and its expiry, want it, and waits for that. */
async function bringTo(update: Update, id: number, recreated: boolean): Promise<InstanceRow> {
  const { context, news } = update;
  const row = await freshRow(context, id);
  const condition = conditionOf(row);
  if (condition === "offline") {
    context.log(`${news.label}: the host of contract ${id} is offline: it hears of this when it is back`);
    return row;
  }
  if (news.state === "stopped" || pastExpiry(news, row, context.clock) !== undefined) {
    if (isDown(row)) return row;
    await stopAndWait(context, row, news.label);
    return freshRow(context, id);
  }
  // An entry point that has run to its end has done its work.
  if (condition === "crashed" && news.runtype === "args") return row;
  const started = condition !== "running" && condition !== "starting";
  if (started) {
    await volumeInUseAgain(news, id);
    await start(update, row, recreated);
    context.sweeper.invalidate();
  }
  const restores = recreated && news.restoreFrom !== undefined;
  if (news.waitFor !== "created" || restores) return waitFor(update, id, recreated || started);
  return settleIn(update, await freshRow(context, id));
}

/** What has to be looked after once it runs; a restore restarts the container, so readiness comes after it. */
async function settleIn({ context, old, news }: Update, row: InstanceRow): Promise<InstanceRow> {
  if (conditionOf(row) !== "running") return row;
  await proveTarget(context, news, row);
  return onceRunning(context, news, row, old.everRan === false || old.restorePending ? "young" : "worked");
}

async function waitFor(update: Update, id: number, restarted: boolean): Promise<InstanceRow> {
  const { context, news, provider } = update;
  try {
    const row = await settleIn(update, await waitUntilRunning(context, id, news, news.label));
    await waitUntilReady(context, row, news);
    return row;
  } catch (error) {
    if (!(error instanceof DudError) || !error.seen) throw error;
    const facts = factsAfter(update, error.seen.row, restarted);
    throw unfinished(
      "changed and kept",
      `it does not start: ${error.message}`,
      { inputs: news, facts: { ...facts, boot: error.seen.boot }, provider },
      "the next `pulumi up` replaces it, its files are copied out first",
    );
  }
}

/**
 * The state has to know that the container is the new one: the next up would otherwise recreate it once more, and the gate
 * before that would copy what a fresh worker wrote over the results of the one before.
 */
function recreatedAndKept(update: Update, row: InstanceRow, error: unknown): unknown {
  if (isUnfinished(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const { news: inputs, provider } = update;
  return unfinished("changed and kept", reason, { inputs, facts: factsAfter(update, row, true), provider });
}

/**
 * A start that the host cannot serve is queued and would run, and bill, whenever it can (vast-api.md 3.5): it is taken back,
 * and the state says why, so that the next diff does not start it again.
 */
async function start(update: Update, row: InstanceRow, recreated: boolean): Promise<void> {
  const { context, news, provider } = update;
  try {
    await context.transport.call(setState, row.id, "running");
  } catch (error) {
    if (!isVastError(error, "refused") || error.reason !== "resources_unavailable") throw error;
    await context.transport.call(setState, row.id, "stopped");
    throw unfinished(
      "changed and kept",
      `the GPU of contract ${row.id} is rented to another; the queued start was taken back`,
      { inputs: news, facts: { ...factsAfter(update, row, recreated), gpuTaken: true }, provider },
      "run `pulumi up` again: it replaces it, its files are copied out first",
    );
  }
}
