import { isVastError, VastError } from "../../api/errors.ts";
import { attachSshKey, type InstanceRow, setBid, setLabel, setState, updateTemplate } from "../../api/instances.ts";
import { allInDph } from "../../api/offers.ts";
import type { Context } from "../../context.ts";
import { copyOutBefore } from "../../copy-out/gate.ts";
import { assertRecorded, volumeUsed } from "../../copy-out/volume-record.ts";
import { wrapOnstart } from "../../fleet/image.ts";
import { usd } from "../../fleet/place.ts";
import { conditionOf } from "./condition.ts";
import { containerEnv } from "./container.ts";
import { changedInputs, RECREATES_CONTAINER } from "./diff.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";
import { withinBids } from "./need.ts";
import { factsOf, type InstanceState } from "./outputs.ts";
import { findContract, plain } from "./read.ts";
import { DudError, freshRow, stopAndWait, waitUntilReady, waitUntilRunning } from "./wait.ts";

/** A new bid outbids the going price by this much, so that it does not lose to a tie. */
const OVERBID = 1.02;

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
  let row = await findContract(context, id, old, 0);
  if (!row)
    throw new VastError("not-found", `${news.label}: contract ${id} is gone`, {
      fix: "run `pulumi up` again: it will be replaced",
    });
  const target = news.copyOut?.target;
  if (news.volume && target) await assertRecorded(context, news.label, target, news.volume.id);
  if ((row.label ?? "") !== news.label) await context.transport.call(setLabel, row.id, news.label);
  if (changed.has("sshKeys")) for (const key of news.sshKeys) await context.transport.call(attachSshKey, row.id, key);
  await bidAgain(context, row, news, changed.has("bid"));
  if (RECREATES_CONTAINER.some((key) => changed.has(key))) {
    await copyOutBefore(context, {
      state: { ...old, copyOut: news.copyOut ?? old.copyOut },
      row,
      purpose: "the container is recreated",
    });
    await volumeInUseAgain(news, row.id);
    await context.transport.call(updateTemplate, row.id, {
      image: news.image,
      env: containerEnv(news),
      onstart: news.onstart === undefined ? "" : wrapOnstart(news.onstart).text,
    });
  }
  context.sweeper.invalidate();
  row = await bringTo(context, row.id, news);
  const facts = factsOf(row, {
    home: old.home,
    alternatives: old.alternatives ?? 0,
    offerId: old.offerId,
    everRan: old.everRan ?? true,
  });
  return { outs: plain({ ...news, ...facts }) };
}

async function bidAgain(context: Context, row: InstanceRow, news: InstanceInputs, bidChanged: boolean): Promise<void> {
  if (news.bid === undefined) return;
  const rebid = conditionOf(row) === "preempted" && news.onInterruption === "rebid" && news.maxBid !== undefined;
  // A bid that an earlier interruption raised within its bounds is no drift.
  if (!rebid && !bidChanged && withinBids(row.dph_base, news)) return;
  const bid = rebid ? Math.min(highestBid(news, row), Math.max(news.bid, (row.min_bid ?? 0) * OVERBID)) : news.bid;
  if (Math.abs(bid - row.dph_base) < 1e-6) return;
  context.log(`${news.label}: bid ${usd(row.dph_base)}/h → ${usd(bid)}/h`);
  await context.transport.call(setBid, row.id, bid);
}

/** `maxDph` is all-in: what the disk costs is not there to bid with. */
function highestBid(news: InstanceInputs, row: InstanceRow): number {
  const disk = allInDph(row, row.disk_space, 0);
  return Math.min(news.maxBid ?? Number.POSITIVE_INFINITY, (news.offer.maxDph ?? Number.POSITIVE_INFINITY) - disk);
}

/** What a gate has saved of the volume is out of date once the container runs on. */
async function volumeInUseAgain(news: InstanceInputs, id: number): Promise<void> {
  const target = news.copyOut?.target;
  if (news.volume && target) await volumeUsed(target, news.volume.id, id);
}

/** Starts or stops the instance as the inputs want it, and waits for that. */
async function bringTo(context: Context, id: number, news: InstanceInputs): Promise<InstanceRow> {
  let row = await freshRow(context, id);
  const condition = conditionOf(row);
  if (news.state === "stopped") {
    if (condition === "running" || condition === "starting" || condition === "scheduling")
      await stopAndWait(context, row, news.label);
    return freshRow(context, id);
  }
  if (condition !== "running" && condition !== "starting") {
    await volumeInUseAgain(news, id);
    await start(context, row, news);
    context.sweeper.invalidate();
  }
  if (news.waitFor === "created") return freshRow(context, id);
  try {
    row = await waitUntilRunning(context, id, news, news.label);
  } catch (error) {
    if (!(error instanceof DudError)) throw error;
    throw new VastError("blocked", `${news.label}: contract ${id} does not start: ${error.message}; it is kept`, {
      fix: "once its host has given up, `pulumi up` replaces it; to replace it now: `pulumi up --replace` with its URN. Its files are copied out first",
    });
  }
  await waitUntilReady(context, id, news, news.label);
  return row;
}

/** A start that the host cannot serve is queued and would run, and bill, whenever it can (vast-api.md 3.5): it is taken back. */
async function start(context: Context, row: InstanceRow, news: InstanceInputs): Promise<void> {
  try {
    await context.transport.call(setState, row.id, "running");
  } catch (error) {
    if (!isVastError(error, "refused") || error.reason !== "resources_unavailable") throw error;
    await context.transport.call(setState, row.id, "stopped");
    throw new VastError(
      "blocked",
      `${news.label}: the GPU of contract ${row.id} is rented to another; the queued start was taken back`,
      {
        fix: "run `pulumi up --replace` for it (its files are copied out first), or try again later",
      },
    );
  }
}
