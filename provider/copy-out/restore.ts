import { type InstanceRow, rebootInstance } from "../api/instances.ts";
import type { Context } from "../context.ts";
import type { InstanceInputs } from "../lifecycle/instance/inputs.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { freshRow, waitUntilRunning } from "../lifecycle/instance/wait.ts";
import { differences, keyPrefix } from "./compare.ts";
import { awaitFinalWords, start } from "./copy.ts";
import { readLineage, withContract, writeLineage } from "./lineage.ts";
import { aside, foldersToRestore } from "./recreation.ts";
import { chooseSource, objectsOf } from "./restore-source.ts";
import { ensureSchedule } from "./schedule.ts";
import { blocked, prefixOf, type Subject, some, statusMessage, subjectOf } from "./subject.ts";
import { copySettled, listWhileRunning } from "./verify.ts";

/**
 * How much may be on the contract's disk already.
 * - `fresh`: rented a moment ago by this very call.
 * - `young`: rented by a run that was cut short; its worker may have written since.
 * - `worked`: it has had results of its own: nothing is restored over them.
 */
export type Age = "fresh" | "young" | "worked";

/**
 * To be called when a contract is seen running: notes it as the resource's newest, and brings the files of the one before
 * back where `restoreFrom` asks for it. What was decided is written down first, so that an interrupted restore goes on and
 * a finished one is never repeated over newer results.
 */
export async function onceRunning(
  context: Context,
  inputs: InstanceInputs,
  row: InstanceRow,
  age: Age,
): Promise<InstanceRow> {
  const subject = subjectOf(context, inputs, row);
  if (!subject) return row;
  try {
    return await noteAndRestore(subject, inputs, row, age);
  } catch (error) {
    if (inputs.restoreFrom !== undefined) throw error;
    context.log(
      `WARNING: ${inputs.label}: contract ${row.id} could not be noted in s3://${subject.binding.bucket}, so a later \`restoreFrom: "last"\` will not find it: ${(error as Error).message}`,
    );
    return row;
  }
}

/**
 * To be called when a contract's results are in S3 and it is about to be destroyed: one that nobody waited for, or whose
 * first `up` was cut short, was never noted, and its successor would not find what it left.
 */
export async function noteBeforeDestroy(context: Context, state: InstanceState, row: InstanceRow): Promise<void> {
  const subject = subjectOf(context, state, row);
  if (!subject) return;
  const { bucket, binding } = subject;
  try {
    const lineage = await readLineage(bucket, binding, state.mark);
    const noted = withContract(lineage, row.id);
    if (noted.contracts !== lineage.contracts) await writeLineage(bucket, binding, state.mark, noted);
  } catch (error) {
    context.log(
      `WARNING: ${state.label}: contract ${row.id} could not be noted in s3://${binding.bucket}: \`restoreFrom: ${row.id}\` finds what it left, "last" will not: ${(error as Error).message}`,
    );
  }
}

async function noteAndRestore(
  subject: Subject,
  inputs: InstanceInputs,
  row: InstanceRow,
  age: Age,
): Promise<InstanceRow> {
  const { bucket, binding } = subject;
  const lineage = await readLineage(bucket, binding, inputs.mark);
  let entry = lineage.contracts.find(({ id }) => id === row.id);
  const resumed = entry !== undefined;
  if (!entry) {
    entry = { id: row.id };
    if (inputs.restoreFrom !== undefined && age !== "worked") {
      const from = await chooseSource(subject, inputs, lineage);
      entry.restore = { from: from ?? null, done: from === undefined };
    }
    lineage.contracts.push(entry);
    await writeLineage(bucket, binding, inputs.mark, lineage);
  }
  const { restore } = entry;
  if (!restore || restore.done || restore.from === null) return row;
  const own = restore.from === row.id;
  const done = async (): Promise<void> => {
    restore.done = true;
    await writeLineage(bucket, binding, inputs.mark, lineage);
    // Backups go to the keys that were restored from, so they had to rest meanwhile.
    if (own) await ensureSchedule(subject.context, inputs, row);
  };
  if (inputs.restoreFrom === undefined) {
    // Given up by the program; one from another contract stays possible.
    if (own) await done();
    return row;
  }
  const carefully = !own && (resumed || age !== "fresh");
  for (const path of foldersToRestore(inputs)) {
    if (own) await setAside(subject, path);
    await copyBack(subject, restore.from, path, carefully);
  }
  subject.context.log(
    `${subject.name}: restarting contract ${row.id}, so that its worker begins with what was restored`,
  );
  const running = await restart(subject, inputs, row.id);
  await done();
  return running;
}

/** A worker that ran before its files were back may have written others of the same names: they are kept, elsewhere. */
async function setAside(subject: Subject, path: string): Promise<void> {
  const prefix = prefixOf(subject, path);
  const stored = new Set((await subject.bucket.list(`${prefix}/`)).map(({ key }) => key));
  const listing = await listWhileRunning(subject, path);
  const files = listing?.files.filter((file) => stored.has(`${prefix}/${file.path}`));
  const inTheWay = listing && files && (await differences(subject.bucket, prefix, { ...listing, files }));
  if (inTheWay?.length === 0) return;
  const there = aside(subject);
  subject.context.log(
    `${subject.name}: what contract ${subject.id} has written to ${path} since its container was recreated is kept in s3://${there.binding.bucket}/${prefixOf(there, path)}`,
  );
  await copySettled(there, path);
}

const RESTART_POLL_S = 5;

/** A container that is being restarted counts as running elsewhere; here what it has loaded at its start matters. */
async function restart({ context, name }: Subject, inputs: InstanceInputs, id: number): Promise<InstanceRow> {
  const { clock, sweeper, transport } = context;
  await transport.call(rebootInstance, id);
  sweeper.invalidate();
  const deadline = clock.elapsedS() + inputs.bootTimeout;
  do await clock.sleep(RESTART_POLL_S);
  while ((await freshRow(context, id)).actual_status === "rebooting" && clock.elapsedS() < deadline);
  return waitUntilRunning(context, id, inputs, name);
}

async function copyBack(subject: Subject, from: number, path: string, carefully: boolean): Promise<void> {
  const { binding, context, name } = subject;
  const objects = await objectsOf(subject, from, path);
  if (objects.length === 0) return;
  const prefix = keyPrefix(binding.prefix, from, path);
  const messageBefore = await statusMessage(subject);
  context.log(`${name}: restoring ${objects.length} files of ${path} from contract ${from}`);
  // A worker that has run on its own for a while may have written newer files, which are kept.
  const flags = carefully ? ["--update"] : [];
  await start(subject, "Cloud To Instance", `/${binding.bucket}/${prefix}`, path, flags);
  const failure = await awaitFinalWords(subject, messageBefore, `restoring ${path}`);
  if (failure) throw failure;
  const listing = await listWhileRunning(subject, path);
  if (!listing) {
    context.log(
      `WARNING: ${name}: what was restored to ${path} cannot be listed while the instance runs: not compared`,
    );
    return;
  }
  const sizes = new Map(listing.files.map((file) => [`${prefix}/${file.path}`, file.sizeBytes]));
  const missing = objects.filter(({ key, sizeBytes }) => (carefully ? !sizes.has(key) : sizes.get(key) !== sizeBytes));
  if (missing.length > 0)
    throw blocked(
      subject,
      `restoring ${path} from contract ${from}: ${missing.length} of ${objects.length} files did not arrive: ${some(missing.map(({ key }) => key.slice(prefix.length + 1)))}`,
      "look at the cloud connection in the Vast console and at the instance's free disk; `pulumi up` goes on with the restore",
    );
}
