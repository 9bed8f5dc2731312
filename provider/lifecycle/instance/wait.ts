import { VastError } from "../../api/errors.ts";
import { type InstanceRow, requestLogs, setState } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { conditionOf } from "./condition.ts";
import type { InstanceInputs } from "./inputs.ts";

const POLL_S = 5;
/** A boot may go on this many times `bootTimeout` as long as it makes progress (pulls of fat images do). */
const LONGEST_BOOT = 4;
const LOG_POLL_S = 15;
const LOG_LINES = 200;
/** A contract just accepted may be missing from the list for a moment. */
const LISTED_WITHIN_S = 120;

/** Why a machine will not do, so that the caller destroys it and tries another, or not. */
export class DudError extends Error {
  readonly elsewhere: boolean;
  constructor(message: string, elsewhere: boolean) {
    super(message);
    this.elsewhere = elsewhere;
  }
}

/** The row of a contract from a listing taken after this call; waits a little for a new contract to appear. */
export async function freshRow(context: Context, id: number): Promise<InstanceRow> {
  const { clock, sweeper } = context;
  const deadline = clock.elapsedS() + LISTED_WITHIN_S;
  for (;;) {
    const row = (await sweeper.since(clock.elapsedS())).rows.get(id);
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
  let last: InstanceRow | undefined;
  for (;;) {
    const row = await freshRow(context, id);
    if (conditionOf(row) === "running") return row;
    const gaveUp = whyItWillNotRun(row, inputs.image);
    if (gaveUp) throw gaveUp;
    const nowS = clock.elapsedS();
    if (!last || progressOf(row) !== progressOf(last)) lastProgressS = nowS;
    if (!last || row.actual_status !== last.actual_status) context.log(`${name}: contract ${id} is ${phaseOf(row)}`);
    last = row;
    const late = whyItIsLate(nowS - startedS, nowS - lastProgressS, inputs.bootTimeout);
    // What has run may have results on its disk, however short it was: that is no dud to be thrown away.
    if (late && conditionOf(row) === "crashed")
      throw new VastError("blocked", `its process has ended: ${phaseOf(row)}`);
    if (late) throw new DudError(`${late} while ${phaseOf(row)}`, true);
    await clock.sleep(POLL_S);
  }
}

function whyItWillNotRun(row: InstanceRow, image: string): DudError | undefined {
  const said = saidOf(row);
  switch (conditionOf(row)) {
    case "image-error":
      return new DudError(`the image "${image}" cannot be pulled: ${said}`, false);
    case "host-error":
      return new DudError(`the host gave up: ${said || "no reason given"}`, true);
    case "offline":
      return new DudError("the host went offline while booting", true);
    case "preempted":
      return new DudError(`the bid was beaten before the container started${said ? `: ${said}` : ""}`, true);
    case "stopped":
    case "expired":
      return new DudError(`it was stopped before the container started${said ? `: ${said}` : ""}`, true);
    default:
      return undefined;
  }
}

function whyItIsLate(waitedS: number, silentS: number, bootTimeoutS: number): string | undefined {
  if (silentS > bootTimeoutS) return `no progress for ${bootTimeoutS} s`;
  return waitedS > bootTimeoutS * LONGEST_BOOT ? `not running after ${Math.round(waitedS)} s` : undefined;
}

function saidOf(row: InstanceRow): string {
  return (row.status_msg ?? "").trim().slice(0, 300);
}

function progressOf(row: InstanceRow): string {
  return `${row.actual_status}|${row.cur_state}|${saidOf(row)}`;
}

function phaseOf(row: InstanceRow): string {
  const said = saidOf(row);
  return `${row.actual_status ?? "being provisioned"}${said ? ` (${said})` : ""}`;
}

/** Waits until a log line matches `readyWhen.log`. The instance is kept when it does not: it may only be slow. */
export async function waitUntilReady(
  context: Context,
  id: number,
  inputs: InstanceInputs,
  name: string,
): Promise<void> {
  if (inputs.waitFor !== "ready" || !inputs.readyWhen) return;
  const pattern = new RegExp(inputs.readyWhen.log, "m");
  const deadline = context.clock.elapsedS() + inputs.bootTimeout * LONGEST_BOOT;
  context.log(`${name}: contract ${id} is running; waiting for a log line that matches /${inputs.readyWhen.log}/`);
  for (;;) {
    const text = await readLogs(context, id);
    if (pattern.test(text)) return;
    if (context.clock.elapsedS() > deadline) {
      const last = text.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
      throw new VastError(
        "blocked",
        `contract ${id} runs but is not ready: no log line matches /${inputs.readyWhen.log}/; the last one is "${last}"`,
        {
          fix: "look at its log; `pulumi up` goes on waiting, `pulumi destroy` gives it up",
        },
      );
    }
    await context.clock.sleep(LOG_POLL_S);
  }
}

/** The end of the container's log. The file is uploaded by the host a little after the request (vast-api.md 3.5). */
export async function readLogs(context: Context, id: number, tail = LOG_LINES): Promise<string> {
  const url = await context.transport.call(requestLogs, id, { tail });
  return (await pollResult(context, url)) ?? "";
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
