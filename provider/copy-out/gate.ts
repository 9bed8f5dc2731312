import { COPY_DONE, COPY_FAILED } from "../api/assumptions.ts";
import { startCloudCopy } from "../api/copies.ts";
import { isVastError, VastError } from "../api/errors.ts";
import type { InstanceRow } from "../api/instances.ts";
import type { Context } from "../context.ts";
import { conditionOf } from "../lifecycle/instance/condition.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { findContract } from "../lifecycle/instance/read.ts";
import { freshRow, stopAndWait } from "../lifecycle/instance/wait.ts";
import { type Bucket, openBucket } from "./bucket.ts";
import { type Difference, differences, keyPrefix, skippedMatches, unmatchedPatterns } from "./compare.ts";
import type { Binding, CopyOut } from "./inputs.ts";
import { type DiskListing, listDisk } from "./listing.ts";
import { writeManifest } from "./manifest.ts";
import { clearMarker, type Marker, readMarker, writeMarker } from "./marker.ts";
import { volumeSaved } from "./volume-record.ts";
import { waiverFor } from "./waiver.ts";

export interface GateRequest {
  state: InstanceState;
  row: InstanceRow;
  /** For messages: "it is destroyed", "the container is recreated". */
  purpose: string;
}

interface Gate {
  context: Context;
  name: string;
  id: number;
  copyOut: CopyOut;
  binding: Binding;
  bucket: Bucket;
  state: InstanceState;
}

/** The host reports a copy's progress about 30 s late (vast-api.md 5.2). */
const POLL_S = 10;
/** An old final message that has not changed for this long says nothing about the new copy. */
const SILENT_S = 120;
/** Once the instance is stopped nothing but the copy is waited for, so silence may last longer before it is given up. */
const SILENT_WHEN_STOPPED_S = 600;

/**
 * Nothing is destroyed before its results are in S3: copy while it runs, stop, copy the difference, compare both sides,
 * leave a manifest (design.md, "The copy-out gate"). Returns only when that holds or a written waiver says otherwise.
 * @throws VastError `blocked` with what is missing; before the stop the instance is left running as it was
 */
export async function copyOutBefore(context: Context, request: GateRequest): Promise<void> {
  const { state, row } = request;
  const name = state.label;
  const waiver = waiverFor(context, state, name);
  if (waiver !== undefined) {
    context.log(
      `WAIVED: ${name} (contract ${row.id}): ${request.purpose} WITHOUT copying anything out. Reason given: ${waiver}`,
    );
    return;
  }
  const gate = openGate(context, request);
  if (conditionOf(row) === "offline") {
    throw blocked(
      gate,
      "its host is offline, so nothing can be copied from it",
      "wait for the host (it bills nothing meanwhile) and run the command again",
    );
  }
  let phase: Phase = isQuiet(row) ? "stopped" : "as it was";
  const stop = async (): Promise<void> => {
    phase = "stopping";
    await stopAndWait(context, row, name);
    phase = "stopped";
  };
  try {
    if (conditionOf(row) === "running") await copyWhileRunning(gate);
    // What is starting, waits for its GPU or has crashed may run, and write, again at any moment.
    if (phase !== "stopped") await stop();
    await copyTheRest(gate);
    await assertStillQuiet(gate);
  } catch (error) {
    await assertNotGone(gate, error);
    if (gate.copyOut.onCopyFailure === "stop" && phase === "as it was") await stop();
    throw explainFailure(error, phase);
  }
}

/** Somebody else may have destroyed the contract meanwhile: then nothing of it is left running or kept. */
async function assertNotGone(gate: Gate, error: unknown): Promise<void> {
  const { context, id, binding, state } = gate;
  if (!isVastError(error, "not-found", "refused", "unexpected")) return;
  // Not being able to tell is no proof: then the first error stands.
  const gone = await findContract(context, String(id), state, 0).then(
    (row) => row === undefined,
    () => false,
  );
  if (!gone) return;
  throw new VastError(
    "not-found",
    `${gate.name}: contract ${id} is gone: it was destroyed elsewhere while its files were copied out. What had arrived by then is in s3://${binding.bucket}/${prefixOf(gate)}, but was not verified; what had not is lost`,
    { fix: "look at what is there; the next run finds the contract gone and goes on", cause: error },
  );
}

/** How far the gate has come with the instance itself, for the message when it fails. */
type Phase = "as it was" | "stopping" | "stopped";

/** Nothing runs, and nothing is asked to run. */
function isQuiet(row: InstanceRow): boolean {
  return row.cur_state === "stopped" && row.intended_status === "stopped";
}

/** An outbid instance comes back by itself when it has priority again (vast-api.md 3.6), and anybody can press start. */
async function assertStillQuiet(gate: Gate): Promise<void> {
  const row = await freshRow(gate.context, gate.id);
  if (isQuiet(row)) return;
  throw blocked(gate, "it was started again while its files were compared", "run the same command again");
}

function openGate(context: Context, { state, row, purpose }: GateRequest): Gate {
  const copyOut = state.copyOut;
  if (!copyOut?.target || copyOut.paths.length === 0) {
    throw new VastError(
      "blocked",
      `${state.label}: contract ${row.id} has run and declares no copy-out, so its results would be lost when ${purpose}; it is kept`,
      {
        fix: "declare `copyOut: { target, paths }` and run `pulumi up`, or give a written reason in `copyOut.waive` (for one run: stack config `vast:waiveCopyOut`)",
      },
    );
  }
  // A detached volume cannot be read any more: what it holds leaves with the instance that mounts it.
  const mounted =
    state.volume && !copyOut.paths.some((path) => covers(path, state.volume?.mountPath ?? ""))
      ? [state.volume.mountPath]
      : [];
  const paths = [...copyOut.paths, ...mounted];
  return {
    context,
    name: state.label,
    id: row.id,
    copyOut: { ...copyOut, paths },
    binding: copyOut.target,
    bucket: openBucket(copyOut.target),
    state,
  };
}

function covers(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder.replace(/\/+$/, "")}/`);
}

const LEFT: Readonly<Record<Phase, string>> = {
  "as it was": "it is left running as it was",
  stopping: "it was asked to stop and is kept with its disk (which bills)",
  stopped: "it is stopped and kept with its disk (which bills)",
};

function explainFailure(error: unknown, phase: Phase): Error {
  if (!isVastError(error)) return error instanceof Error ? error : new Error(String(error));
  const left = `The instance was not destroyed: ${LEFT[phase]}; its state is kept.`;
  return new VastError(error.code, `${error.message}\n  ${left}`, { cause: error });
}

function blocked(gate: Gate, what: string, fix: string): VastError {
  return new VastError(
    "blocked",
    `${gate.name}: copy-out of contract ${gate.id} to s3://${gate.binding.bucket}/${keyPrefix(gate.binding.prefix, gate.id)}: ${what}`,
    { fix },
  );
}

/** Most of the data, while the meter would run anyway. Only what certainly failed stops the gate here. */
async function copyWhileRunning(gate: Gate): Promise<void> {
  for (const path of gate.copyOut.paths) {
    const before = await listWhileRunning(gate, path);
    if (before && !before.exists) continue;
    await copyOnce(gate, path);
    const after = await listWhileRunning(gate, path);
    if (!before || !after) continue;
    // Files that did not change during the copy must have arrived; others are the worker's and come after the stop.
    const settled = after.files.filter((file) =>
      before.files.some(
        (old) => old.path === file.path && old.sizeBytes === file.sizeBytes && old.mtimeS === file.mtimeS,
      ),
    );
    const missing = await differences(gate.bucket, prefixOf(gate, path), { ...after, files: settled });
    if (missing.length > 0) throw notCopied(gate, missing);
  }
}

/** Whether `execute` serves a running instance is unverified (vast-api.md 3.5): a refusal is no failure of the copy. */
async function listWhileRunning(gate: Gate, path: string): Promise<DiskListing | undefined> {
  return listDisk(gate.context, gate.id, path).catch((error: unknown) => {
    if (isVastError(error, "refused", "unexpected")) return undefined;
    throw error;
  });
}

/** Starts one cloud copy and waits for its end, as far as messages tell. */
async function copyOnce(gate: Gate, path: string): Promise<void> {
  const { context, bucket } = gate;
  const messageBefore = await startOrPickUp(gate, path);
  const startedS = context.clock.elapsedS();
  for (;;) {
    await context.clock.sleep(POLL_S);
    const message = await statusMessage(gate);
    const elapsedS = context.clock.elapsedS() - startedS;
    const changed = message !== messageBefore;
    if (changed && COPY_DONE.test(message)) break;
    if (changed && COPY_FAILED.test(message)) throw blocked(gate, `the copy of ${path} failed: "${message}"`, FIX_COPY);
    if (!changed && (COPY_DONE.test(message) || COPY_FAILED.test(message)) && elapsedS > SILENT_S) break;
    if (elapsedS > gate.copyOut.timeout)
      throw blocked(
        gate,
        `the copy of ${path} did not end within ${gate.copyOut.timeout} s (last message: "${message}")`,
        FIX_COPY,
      );
  }
  await clearMarker(bucket, prefixOf(gate));
}

const FIX_COPY =
  "look at the cloud connection in the Vast console and at the free space of the bucket's account, then run the same command again";

async function statusMessage(gate: Gate): Promise<string> {
  return ((await freshRow(gate.context, gate.id)).status_msg ?? "").trim();
}

/** Starts a cloud copy, unless one that a cut-short run started is still under way; returns the message from before it. */
async function startOrPickUp(gate: Gate, path: string): Promise<string> {
  const message = await statusMessage(gate);
  const marker = await markerOf(gate);
  const underWay = !COPY_DONE.test(message) && !COPY_FAILED.test(message);
  if (marker?.path === path && underWay && message !== marker.messageBefore && !isOutdated(gate, marker)) {
    gate.context.log(`${gate.name}: a copy of ${path} is under way already; waiting for it`);
    return marker.messageBefore;
  }
  const dst = `/${gate.binding.bucket}/${prefixOf(gate, path)}`;
  await writeMarker(gate.bucket, prefixOf(gate), { path, messageBefore: message, startedAt: new Date().toISOString() });
  gate.context.log(`${gate.name}: copying ${path} of contract ${gate.id} to s3:/${dst}`);
  const copy = {
    instanceId: gate.id,
    connectionId: gate.binding.connectionId,
    direction: "Instance To Cloud",
    src: path,
    dst,
  } as const;
  await gate.context.transport.call(startCloudCopy, copy).catch((error: unknown) => {
    if (isVastError(error, "refused", "not-found"))
      throw blocked(gate, `the service refused the copy of ${path}: ${error.message}`, FIX_COPY);
    throw error;
  });
  return message;
}

/** Without a marker nobody knows of a copy under way: another one is started, and the comparison decides. */
async function markerOf(gate: Gate): Promise<Marker | undefined> {
  const marker = await readMarker(gate.bucket, prefixOf(gate));
  if (marker !== "corrupt") return marker;
  gate.context.log(
    `WARNING: ${gate.name}: the marker of the last copy of contract ${gate.id}, in s3://${gate.binding.bucket}/${prefixOf(gate)}, cannot be understood; a new copy is started`,
  );
  return undefined;
}

/** After the time that a copy may take nobody waits for it any more, whatever the message is about by then. */
function isOutdated(gate: Gate, marker: Marker): boolean {
  const { clock } = gate.context;
  const ageS = (clock.nowS() - Date.parse(marker.startedAt) / 1000) * clock.scale;
  return !(ageS <= gate.copyOut.timeout);
}

/** The instance is stopped: its files are final. Whatever differs is copied until both sides agree. */
async function copyTheRest(gate: Gate): Promise<void> {
  const listings: DiskListing[] = [];
  for (const path of gate.copyOut.paths) {
    const listing = await listDisk(gate.context, gate.id, path);
    if (!listing.exists)
      gate.context.log(`${gate.name}: there is no ${path} on contract ${gate.id}; nothing to copy from it`);
    warnOfSkipped(gate, listing);
    await copyUntilEqual(gate, path, listing);
    listings.push(listing);
  }
  const unmatched = unmatchedPatterns(gate.copyOut.required, listings);
  if (unmatched.length > 0) {
    throw blocked(
      gate,
      `no file matches the required ${unmatched.map((pattern) => `"${pattern}"`).join(", ")} in ${gate.copyOut.paths.join(", ")}${onlySkipped(unmatched, listings)}`,
      "check `copyOut.paths` and `copyOut.required`; if there is nothing worth keeping, waive with a reason",
    );
  }
  await writeManifest(gate.bucket, prefixOf(gate), gate.state, listings);
  if (gate.state.volume) await volumeSaved(gate.binding, gate.state.volume.id, gate.id);
  const files = listings.flatMap((listing) => listing.files);
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  gate.context.log(
    `${gate.name}: verified ${files.length} files (${bytes} bytes) of contract ${gate.id} in s3://${gate.binding.bucket}/${prefixOf(gate)}`,
  );
}

const SHOWN = 5;

function some(paths: readonly string[]): string {
  const more = paths.length > SHOWN ? `, … and ${paths.length - SHOWN} more` : "";
  return `${paths.slice(0, SHOWN).join(", ")}${more}`;
}

function warnOfSkipped(gate: Gate, { root, skipped }: DiskListing): void {
  if (skipped.length === 0) return;
  const which = some(skipped.map((path) => `${root}/${path}`));
  gate.context.log(
    `WARNING: ${gate.name}: links, sockets and the like are not copied, only files: ${which}; keep results in plain files`,
  );
}

function onlySkipped(patterns: readonly string[], listings: readonly DiskListing[]): string {
  const skipped = patterns.flatMap((pattern) => skippedMatches(pattern, listings));
  return skipped.length === 0
    ? ""
    : ` (${some([...new Set(skipped)])} would, but is no plain file, so it is not copied)`;
}

async function copyUntilEqual(gate: Gate, path: string, listing: DiskListing): Promise<void> {
  const { clock } = gate.context;
  const prefix = prefixOf(gate, path);
  let missing = await differences(gate.bucket, prefix, listing);
  if (missing.length === 0) return;
  const messageBefore = await startOrPickUp(gate, path);
  const startedS = clock.elapsedS();
  let changed = false;
  for (;;) {
    await clock.sleep(POLL_S);
    const message = await statusMessage(gate);
    missing = await differences(gate.bucket, prefix, listing);
    if (missing.length === 0) break;
    const elapsedS = clock.elapsedS() - startedS;
    // The last words of the copy before read the same: they are this one's when others came in between.
    changed ||= message !== messageBefore;
    const final = COPY_DONE.test(message) || COPY_FAILED.test(message);
    const ended = final && (changed || elapsedS > SILENT_WHEN_STOPPED_S);
    // A message is never evidence that files arrived, but a new final one says that no more will come.
    if (ended || elapsedS > gate.copyOut.timeout)
      throw notCopied(
        gate,
        missing,
        ended ? `the copy ended with "${message}"` : `the copy did not end within ${gate.copyOut.timeout} s`,
      );
  }
  await clearMarker(gate.bucket, prefixOf(gate));
}

function notCopied(gate: Gate, missing: Difference[], why = "the copy was reported as done"): VastError {
  const shown = missing.slice(0, 5).map((difference) => `\n    ${difference.path} ${difference.why}`);
  const more = missing.length > 5 ? `\n    … and ${missing.length - 5} more` : "";
  return blocked(
    gate,
    `${why}, but ${missing.length} ${missing.length === 1 ? "file is" : "files are"} not safely there:${shown.join("")}${more}`,
    FIX_COPY,
  );
}

function prefixOf(gate: Gate, path = ""): string {
  return keyPrefix(gate.binding.prefix, gate.id, path);
}
