import { isVastError, VastError } from "../api/errors.ts";
import { type InstanceRow, setState } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { conditionOf } from "../lifecycle/instance/condition.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { findContract } from "../lifecycle/instance/read.ts";
import { freshRow, stopAndWait } from "../lifecycle/instance/wait.ts";
import type { Manifest } from "./manifest.ts";
import { whereToCopy } from "./recreation.ts";
import { blocked, prefixOf, type Subject, subjectOf } from "./subject.ts";
import { assertSettled, copySettled, copyTheRest, type LiveEvidence, NO_EVIDENCE, takeEvidence } from "./verify.ts";
import { volumeSaved } from "./volume-record.ts";
import { waiverFor } from "./waiver.ts";

export interface GateRequest {
  state: InstanceState;
  row: InstanceRow;
  /** For messages: "it is destroyed", "the container is recreated". */
  purpose: string;
}

/**
 * Nothing is destroyed before its results are in S3: copy while it runs, stop, copy the difference, compare both sides,
 * leave a manifest (design.md, "The copy-out gate"). Returns only when that holds or a written waiver says otherwise.
 * @returns what was saved; undefined with a waiver
 * @throws VastError `blocked` with what is missing; before the stop the instance is left running as it was
 */
export async function copyOutBefore(context: Context, request: GateRequest): Promise<Manifest | undefined> {
  const { state, row } = request;
  const name = state.label;
  const waiver = waiverFor(context, state, name);
  if (waiver !== undefined) {
    context.log(
      `WAIVED: ${name} (contract ${row.id}): ${request.purpose} WITHOUT copying anything out. Reason given: ${waiver}`,
    );
    return undefined;
  }
  const subject = await whereToCopy(subjectToGate(context, request), state);
  const target = state.copyOut?.target;
  const progress: Progress = { phase: isQuiet(row) ? "stopped" : "as it was" };
  const stop = async (): Promise<void> => {
    progress.phase = "stopping";
    await stopAndWait(context, row, name);
    progress.phase = "stopped";
  };
  try {
    assertOnline(subject, row);
    let evidence = NO_EVIDENCE;
    if (conditionOf(row) === "running") evidence = await copyWhileRunning(subject, row);
    // What is starting, waits for its GPU or has crashed may run, and write, again at any moment.
    if (progress.phase !== "stopped") await stop();
    const manifest = await copyTheRest(subject, state, evidence);
    await assertStillQuiet(subject);
    if (state.volume && target) await volumeSaved(target, state.volume.id, row.id);
    return manifest;
  } catch (error) {
    await assertNotGone(subject, state, error);
    if (subject.copyOut.onCopyFailure === "stop") await endCompute(subject, row, progress, stop);
    throw explainFailure(error, row, progress.phase);
  }
}

/** Where the gate has got to with the instance itself, for the message when it fails. */
interface Progress {
  phase: "as it was" | "stopping" | "stopped";
}

const LEFT: Readonly<Record<Exclude<Progress["phase"], "as it was">, string>> = {
  stopping: "it was asked to stop and is kept with its disk (which bills)",
  stopped: "it is stopped and kept with its disk (which bills)",
};

function subjectToGate(context: Context, { state, row, purpose }: GateRequest): Subject {
  const subject = subjectOf(context, state, row);
  if (subject) return subject;
  throw new VastError(
    "blocked",
    `${state.label}: contract ${row.id} has run and declares no copy-out, so its results would be lost when ${purpose}; it is kept`,
    {
      fix: "declare `copyOut: { target, paths }` and run `pulumi up`, or give a written reason in `copyOut.waive` (for one run: VAST_WAIVE_COPY_OUT in the environment)",
    },
  );
}

function assertOnline(subject: Subject, row: InstanceRow): void {
  if (conditionOf(row) !== "offline") return;
  throw blocked(
    subject,
    "its host is offline, so nothing can be copied from it",
    "wait for the host (it bills nothing meanwhile) and run the command again",
  );
}

/** Most of the data, while the meter would run anyway, and what only a running instance can tell. */
async function copyWhileRunning(subject: Subject, row: InstanceRow): Promise<LiveEvidence> {
  for (const path of subject.copyOut.paths) await copySettled(subject, path);
  const { unsettled, ...evidence } = await takeEvidence(subject, row);
  assertSettled(subject, unsettled);
  return evidence;
}

/** `onCopyFailure: "stop"`: the GPU's meter ends in any case. An offline host's stop waits for it to come back. */
async function endCompute(
  { context, name, id }: Subject,
  row: InstanceRow,
  progress: Progress,
  stop: () => Promise<void>,
): Promise<void> {
  if (progress.phase !== "as it was") return;
  try {
    if (conditionOf(row) === "offline") {
      await context.transport.call(setState, row.id, "stopped");
      progress.phase = "stopping";
    } else await stop();
  } catch (error) {
    context.log(
      `WARNING: ${name}: contract ${id} could not be stopped either, so its compute may still bill: ${(error as Error).message}`,
    );
  }
}

/** Somebody else may have destroyed the contract meanwhile: then nothing of it is left running or kept. */
async function assertNotGone(subject: Subject, state: InstanceState, error: unknown): Promise<void> {
  const { context, id, binding, name } = subject;
  if (!isVastError(error, "not-found", "refused", "unexpected")) return;
  // Not being able to tell is no proof: then the first error stands.
  const gone = await findContract(context, String(id), state, 0).then(
    (row) => row === undefined,
    () => false,
  );
  if (!gone) return;
  throw new VastError(
    "not-found",
    `${name}: contract ${id} is gone: it was destroyed elsewhere while its files were copied out. What had arrived by then is in s3://${binding.bucket}/${prefixOf(subject)}, but was not verified; what had not is lost`,
    { fix: "look at what is there; the next run finds the contract gone and goes on", cause: error },
  );
}

/** Nothing runs, and nothing is asked to run. */
function isQuiet(row: InstanceRow): boolean {
  return row.cur_state === "stopped" && row.intended_status === "stopped";
}

/** An outbid instance comes back by itself when it has priority again (vast-api.md 3.6), and anybody can press start. */
async function assertStillQuiet(subject: Subject): Promise<void> {
  const row = await freshRow(subject.context, subject.id);
  if (isQuiet(row)) return;
  throw blocked(subject, "it was started again while its files were compared", "run the same command again");
}

function explainFailure(error: unknown, row: InstanceRow, phase: Progress["phase"]): Error {
  if (!isVastError(error)) return error instanceof Error ? error : new Error(String(error));
  const asItWas = conditionOf(row) === "running" ? "it is left running as it was" : "it is left as it was";
  const left = `The instance was not destroyed: ${phase === "as it was" ? asItWas : LEFT[phase]}; its state is kept.`;
  return new VastError(error.code, `${error.message}\n  ${left}`, { cause: error });
}
