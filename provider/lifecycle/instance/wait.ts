import { VastError } from "../../api/errors.ts";
import { type InstanceRow, setState } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { type Boot, longestBootS, whyItIsLate } from "./boot.ts";
import { conditionOf, saidOf } from "./condition.ts";
import { serviceNowS } from "./expiry.ts";
import type { InstanceInputs } from "./inputs.ts";

const POLL_S = 5;
/** A pull reports every few seconds; a user with sixty workers wants to know that they are alive, not every percent. */
const PROGRESS_EVERY_S = 120;
/** A start that finds its GPU rented to another waits for it, without end; cur_state follows a start at once otherwise. */
const GPU_FREE_WITHIN_S = 60;
/** A contract just accepted may be missing from the list for a moment. */
const LISTED_WITHIN_S = 120;

/** Why a machine will not do, so that the caller destroys it and tries another, or not. */
export class DudError extends Error {
  readonly elsewhere: boolean;
  /** The contract as it was seen last, and how long it has been booting. */
  readonly seen: { row: InstanceRow; boot: Boot | undefined } | undefined;
  constructor(message: string, elsewhere: boolean, seen?: DudError["seen"]) {
    super(message);
    this.elsewhere = elsewhere;
    this.seen = seen;
  }
}

/** The row of a contract from a listing taken after this call; waits a little for a new contract to appear. */
export async function freshRow(context: Context, id: number): Promise<InstanceRow> {
  const { clock, sweeper } = context;
  const deadline = clock.elapsedS() + LISTED_WITHIN_S;
  for (;;) {
    const row = (await sweeper.nextSince(clock.elapsedS())).rows.get(id);
    if (row) return row;
    if (clock.elapsedS() > deadline) {
      throw new VastError("unexpected", `contract ${id} was accepted but is not listed after ${LISTED_WITHIN_S} s`, {
        contractId: id,
      });
    }
    await clock.sleep(POLL_S);
  }
}

/**
 * Waits until the container runs. Bounded, and patient only while something moves: a host that says nothing new for
 * `bootTimeout` seconds is a dud (platform profile, VAST13).
 * @throws DudError when this host will not get it running
 */
export async function waitUntilRunning(
  context: Context,
  id: number,
  inputs: InstanceInputs,
  name: string,
): Promise<InstanceRow> {
  const { clock } = context;
  const startedS = clock.elapsedS();
  let lastProgressS = startedS;
  let hadGpuS = startedS;
  let last: InstanceRow | undefined;
  const report = progressReport(context, id, name, inputs.bootTimeout);
  for (;;) {
    const row = await freshRow(context, id);
    const condition = conditionOf(row);
    // An entry point may have run to its end before anybody looked.
    if (condition === "running" || (condition === "crashed" && inputs.runtype === "args")) return row;
    const nowS = clock.elapsedS();
    if (condition !== "scheduling") hadGpuS = nowS;
    const gaveUp = whyItWillNotRun(row, inputs, nowS - hadGpuS);
    if (gaveUp) throw gaveUp;
    if (!last || progressOf(row) !== progressOf(last)) lastProgressS = nowS;
    report(row);
    last = row;
    const late = whyItIsLate(nowS - startedS, nowS - lastProgressS, inputs.bootTimeout);
    // What has run may have results on its disk, however short it was: that is no dud to be thrown away.
    if (late && condition === "crashed") throw new VastError("blocked", `its process has ended: ${phaseOf(row)}`);
    if (late) {
      // Rounded down: the next look at this record must not find it a little less late.
      const hereS = Math.floor(serviceNowS(row, clock));
      const boot = { since: hereS - Math.ceil(nowS - startedS), movedAt: hereS - Math.ceil(nowS - lastProgressS) };
      throw new DudError(`${late} while ${phaseOf(row)}`, true, { row, boot });
    }
    await clock.sleep(POLL_S);
  }
}

/** Says each phase once, and within one how far it is every now and then. */
function progressReport(context: Context, id: number, name: string, bootTimeoutS: number): (row: InstanceRow) => void {
  const { clock } = context;
  const startedS = clock.elapsedS();
  let status: string | null | undefined;
  let said = "";
  let saidS = startedS;
  return (row) => {
    const phase = phaseOf(row);
    const nowS = clock.elapsedS();
    const isNew = status === undefined || row.actual_status !== status;
    if (!isNew && (phase === said || nowS - saidS < PROGRESS_EVERY_S)) return;
    const how =
      status === undefined ? `up to ${longestBootS(bootTimeoutS)} s` : `${Math.round(nowS - startedS)} s so far`;
    context.log(`${name}: contract ${id} is ${phase}; waiting for it to run (${how})`);
    status = row.actual_status;
    said = phase;
    saidS = nowS;
  };
}

/** @param withoutGpuS for so long it has been waiting for its GPU */
function whyItWillNotRun(
  row: InstanceRow,
  { image, imageLogin }: InstanceInputs,
  withoutGpuS: number,
): DudError | undefined {
  const said = saidOf(row);
  const seen = { row, boot: undefined };
  switch (conditionOf(row)) {
    case "image-error":
      return new DudError(
        `the image${image === undefined ? " of the template" : ` "${image}"`} cannot be pulled${imageLogin === undefined ? "" : " with this imageLogin"}: ${said}`,
        false,
        seen,
      );
    case "host-error":
      return new DudError(`the host gave up: ${said || "no reason given"}`, true, seen);
    case "offline":
      return new DudError("the host went offline while booting", true, seen);
    case "preempted":
      return gpuRented(row);
    case "scheduling":
      return withoutGpuS > GPU_FREE_WITHIN_S ? gpuRented(row) : undefined;
    case "expired":
      return new DudError(`its contract ended before it was seen to run${said ? `: ${said}` : ""}`, true, seen);
    case "stopped":
      return new DudError(`it was stopped before it was seen to run${said ? `: ${said}` : ""}`, true, seen);
    default:
      return undefined;
  }
}

/** An interruptible one was outbid, also where `intended_status` stays at running then (vast-api.md 3.6). */
function gpuRented(row: InstanceRow): DudError {
  const what = row.is_bid ? "the bid was beaten before the container started" : "its GPU is rented to another";
  const said = saidOf(row);
  return new DudError(`${what}${said ? `: ${said}` : ""}`, true, { row, boot: undefined });
}

function progressOf(row: InstanceRow): string {
  return `${row.actual_status}|${row.cur_state}|${saidOf(row)}`;
}

function phaseOf(row: InstanceRow): string {
  const said = saidOf(row);
  return `${row.actual_status ?? "being provisioned"}${said ? ` (${said})` : ""}`;
}

const RESULT_WITHIN_S = 60;
const RESULT_POLL_S = 1;

/** Text behind a `result_url`, once the host has uploaded it; undefined when it never came. */
export async function pollResult(context: Context, url: string): Promise<string | undefined> {
  const deadline = context.clock.elapsedS() + RESULT_WITHIN_S;
  for (;;) {
    const text = await context.transport.fetchResult(url);
    if (text !== undefined || context.clock.elapsedS() > deadline) return text;
    await context.clock.sleep(RESULT_POLL_S);
  }
}

const STOP_WITHIN_S = 600;
/** Stops an instance and waits until nothing is written on its disk any more. */
export async function stopAndWait(context: Context, row: InstanceRow, name: string): Promise<InstanceRow> {
  if (row.intended_status !== "stopped") await context.transport.call(setState, row.id, "stopped");
  context.sweeper.invalidate();
  const deadline = context.clock.elapsedS() + STOP_WITHIN_S;
  for (;;) {
    const now = await freshRow(context, row.id);
    const condition = conditionOf(now);
    if (condition !== "running" && condition !== "stopping" && now.cur_state === "stopped") return now;
    if (condition === "offline")
      throw new VastError(
        "blocked",
        `${name}: the host of contract ${row.id} went offline while stopping; the contract is kept`,
      );
    if (context.clock.elapsedS() > deadline) {
      throw new VastError(
        "blocked",
        `${name}: contract ${row.id} did not stop within ${STOP_WITHIN_S} s (it is ${now.actual_status}); it is kept`,
      );
    }
    await context.clock.sleep(POLL_S);
  }
}
