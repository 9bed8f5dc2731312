import { COPY_DONE, COPY_FAILED } from "../api/assumptions.ts";
import { startCloudCopy } from "../api/copies.ts";
import { isVastError, type VastError } from "../api/errors.ts";
import { conditionOf } from "../lifecycle/instance/condition.ts";
import { freshRow } from "../lifecycle/instance/wait.ts";
import { type Difference, differences } from "./compare.ts";
import type { DiskListing } from "./listing.ts";
import { clearMarker, type Marker, readMarker, writeMarker } from "./marker.ts";
import { blocked, prefixOf, type Subject, some, statusMessage, statusMessageOf } from "./subject.ts";

/** The host reports a copy's progress about 30 s late (vast-api.md 5.2). */
export const POLL_S = 10;
/** An old final message that has not changed for this long says nothing about the new copy. */
const SILENT_S = 120;
/** Once the instance is stopped nothing but the copy is waited for, so silence may last longer before it is given up. */
const SILENT_WHEN_STOPPED_S = 600;

export const FIX_COPY =
  "look at the cloud connection in the Vast console and at the free space of the bucket's account, then run the same command again";

/**
 * Starts the copy of one folder and waits for its end, as far as messages tell.
 * @returns the failure that its last message tells of; what really arrived shows in the bucket
 */
export async function copyOnce(subject: Subject, path: string): Promise<VastError | undefined> {
  const messageBefore = await startOrPickUp(subject, path);
  const failure = await awaitFinalWords(subject, messageBefore, `the copy of ${path}`);
  await clearMarker(subject.bucket, prefixOf(subject));
  return failure;
}

/**
 * @param arrived ends the wait before the messages do, where it can be seen
 * @returns the failure that the last message tells of
 * @throws VastError when the copy goes on for longer than `copyOut.timeout`
 */
export async function awaitFinalWords(
  subject: Subject,
  messageBefore: string,
  what: string,
  arrived: () => Promise<boolean> = async () => false,
): Promise<VastError | undefined> {
  const { clock } = subject.context;
  const startedS = clock.elapsedS();
  const lastWords = wordsOf(subject, what);
  for (;;) {
    await clock.sleep(POLL_S);
    if (await arrived()) return undefined;
    const message = await lastWords();
    const elapsedS = clock.elapsedS() - startedS;
    const changed = message !== messageBefore;
    if (changed && COPY_DONE.test(message)) return undefined;
    if (changed && COPY_FAILED.test(message)) return blocked(subject, `${what} failed: "${message}"`, FIX_COPY);
    if (!changed && isFinal(message) && elapsedS > SILENT_S) return undefined;
    if (elapsedS > subject.copyOut.timeout)
      throw blocked(
        subject,
        `${what} did not end within ${subject.copyOut.timeout} s (last message: "${message}")`,
        FIX_COPY,
      );
  }
}

/** A host that is silent for a moment copies on (vast-api.md 3.6: `unknown`, no heartbeat lately), seconds. */
const SILENT_HOST_S = 120;

/**
 * The last words of the copy's host, at each call.
 * @throws VastError once it is offline: it brings no copy to an end, and says nothing about it when it is back
 */
function wordsOf(subject: Subject, what: string): () => Promise<string> {
  const { clock } = subject.context;
  let heardS = clock.elapsedS();
  return async () => {
    const row = await freshRow(subject.context, subject.id);
    if (conditionOf(row) !== "offline") heardS = clock.elapsedS();
    else if (clock.elapsedS() - heardS > SILENT_HOST_S) await giveUp(subject, what);
    return statusMessageOf(row);
  };
}

/** The next run is not to wait for it. */
async function giveUp(subject: Subject, what: string): Promise<never> {
  await clearMarker(subject.bucket, prefixOf(subject));
  throw blocked(
    subject,
    `its host went offline while ${what} was under way`,
    "wait for the host (it bills nothing meanwhile) and run the command again",
  );
}

function isFinal(message: string): boolean {
  return COPY_DONE.test(message) || COPY_FAILED.test(message);
}

/** The instance is stopped: copies until both sides agree. No copy is started when they do already. */
export async function copyUntilEqual(subject: Subject, path: string, listing: DiskListing): Promise<void> {
  const { clock } = subject.context;
  const prefix = prefixOf(subject, path);
  let missing = await differences(subject.bucket, prefix, listing);
  if (missing.length === 0) return;
  const messageBefore = await startOrPickUp(subject, path);
  const startedS = clock.elapsedS();
  const lastWords = wordsOf(subject, `the copy of ${path}`);
  let changed = false;
  for (;;) {
    await clock.sleep(POLL_S);
    const message = await lastWords();
    missing = await differences(subject.bucket, prefix, listing);
    if (missing.length === 0) break;
    const elapsedS = clock.elapsedS() - startedS;
    // The last words of the copy before read the same: they are this one's when others came in between.
    changed ||= message !== messageBefore;
    const ended = isFinal(message) && (changed || elapsedS > SILENT_WHEN_STOPPED_S);
    // A message is never evidence that files arrived, but a new final one says that no more will come.
    if (ended || elapsedS > subject.copyOut.timeout)
      throw notCopied(
        subject,
        missing,
        ended ? `the copy ended with "${message}"` : `the copy did not end within ${subject.copyOut.timeout} s`,
      );
  }
  await clearMarker(subject.bucket, prefixOf(subject));
}

export function notCopied(subject: Subject, missing: Difference[], why = "the copy was reported as done"): VastError {
  const shown = some(
    missing.map(({ path, why: problem }) => `${path} ${problem}`),
    "\n    ",
  );
  return blocked(
    subject,
    `${why}, but ${missing.length} ${missing.length === 1 ? "file is" : "files are"} not safely there:\n    ${shown}`,
    FIX_COPY,
  );
}

/** Starts a cloud copy, unless one that a cut-short run started is still under way; returns the message from before it. */
async function startOrPickUp(subject: Subject, path: string): Promise<string> {
  const message = await statusMessage(subject);
  const marker = await markerOf(subject);
  const underWay = !isFinal(message);
  if (marker?.path === path && underWay && message !== marker.messageBefore && !isOutdated(subject, marker)) {
    subject.context.log(`${subject.name}: a copy of ${path} is under way already; waiting for it`);
    return marker.messageBefore;
  }
  const dst = `/${subject.binding.bucket}/${prefixOf(subject, path)}`;
  await writeMarker(subject.bucket, prefixOf(subject), {
    path,
    messageBefore: message,
    startedAt: new Date(subject.context.clock.nowS() * 1000).toISOString(),
  });
  subject.context.log(`${subject.name}: copying ${path} of contract ${subject.id} to s3:/${dst}`);
  await start(subject, "Instance To Cloud", path, dst);
  return message;
}

/** Starts a cloud copy in either direction. */
export async function start(
  subject: Subject,
  direction: "Instance To Cloud" | "Cloud To Instance",
  src: string,
  dst: string,
  flags: readonly string[] = [],
): Promise<void> {
  const copy = { instanceId: subject.id, connectionId: subject.binding.connectionId, direction, src, dst, flags };
  await subject.context.transport.call(startCloudCopy, copy).catch((error: unknown) => {
    if (isVastError(error, "refused", "not-found"))
      throw blocked(subject, `the service refused the copy of ${src}: ${error.message}`, FIX_COPY);
    throw error;
  });
}

/** Without a marker nobody knows of a copy under way: another one is started, and the comparison decides. */
async function markerOf(subject: Subject): Promise<Marker | undefined> {
  const marker = await readMarker(subject.bucket, prefixOf(subject));
  if (marker !== "corrupt") return marker;
  subject.context.log(
    `WARNING: ${subject.name}: the marker of the last copy of contract ${subject.id}, in s3://${subject.binding.bucket}/${prefixOf(subject)}, cannot be understood; a new copy is started`,
  );
  return undefined;
}

/** After the time that a copy may take nobody waits for it any more, whatever the message is about by then. */
function isOutdated({ context, copyOut }: Subject, marker: Marker): boolean {
  const { clock } = context;
  const ageS = (clock.nowS() - Date.parse(marker.startedAt) / 1000) * clock.scale;
  return !(ageS <= copyOut.timeout);
}
