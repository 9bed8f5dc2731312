import { randomUUID } from "node:crypto";
import type { InstanceRow } from "../api/instances.ts";
import type { Context } from "../context.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { awaitFinalWords, FIX_COPY, start } from "./copy.ts";
import { blocked, type Subject, statusMessage, subjectOf } from "./subject.ts";
import { waiverFor } from "./waiver.ts";

/** Where the canary rests on the instance between its two flights. */
const PERCH = "/tmp/pulumi-vast-canary";
/** For each of the two copies of a few bytes. */
const WITHIN_S = 600;

/**
 * That a connection exists says nothing about its key and whose bucket it reaches: the first instance that uses a target
 * shows it, with a file that goes from the bucket to the instance and back. Found out now, it costs a message; found out by
 * the gate, it costs every instance that can then not be destroyed. One instance of a run sees to it, the others do not wait.
 * @throws VastError when the file does not come back
 */
export async function proveTarget(
  context: Context,
  instance: Pick<InstanceState, "label" | "resource" | "copyOut" | "volume">,
  row: InstanceRow,
): Promise<void> {
  const subject = subjectOf(context, instance, row);
  if (!subject || waiverFor(context, instance, instance.label) !== undefined) return;
  const { bucket, connectionId, endpoint, prefix } = subject.binding;
  const target = JSON.stringify([connectionId, endpoint, bucket, prefix]);
  if (context.canaries.has(target)) return;
  context.canaries.add(target);
  if ((await provenConnection(subject)) === connectionId) return;
  context.log(
    `${subject.name}: a canary file shows whether cloud connection ${connectionId} reaches ${urlOf(subject)}`,
  );
  await sendCanary(subject);
  const proof = { connectionId, contract: row.id, at: new Date().toISOString() };
  await subject.bucket.writeJson(proofKey(subject.binding), proof);
}

/** Once for each target, not for each run; other credentials make another connection. */
export function proofKey({ prefix }: Pick<Subject["binding"], "prefix">): string {
  return keyOf({ prefix }, "proven.json");
}

function keyOf({ prefix }: Pick<Subject["binding"], "prefix">, name: string): string {
  return [prefix.replace(/^\/+|\/+$/g, ""), ".pulumi-vast", name].filter((part) => part !== "").join("/");
}

/** What is there and cannot be understood proves nothing. */
async function provenConnection({ bucket, binding }: Subject): Promise<unknown> {
  const text = await bucket.readText(proofKey(binding));
  try {
    return (JSON.parse(text ?? "{}") as { connectionId?: unknown }).connectionId;
  } catch {
    return undefined;
  }
}

async function sendCanary(subject: Subject): Promise<void> {
  const { bucket, binding } = subject;
  const token = randomUUID();
  const sent = keyOf(binding, `canary/${token}/sent`);
  const back = keyOf(binding, `canary/${token}/back`);
  const folder = `${PERCH}/${token}`;
  await bucket.writeJson(`${sent}/canary.json`, { token, contract: subject.id });
  const returned = async () => ((await bucket.readText(`${back}/canary.json`)) ?? "").includes(token);
  const flight = { ...subject, copyOut: { ...subject.copyOut, timeout: WITHIN_S } };
  const canary = `the canary file through cloud connection ${binding.connectionId}`;
  const beforeOut = await statusMessage(subject);
  await start(subject, "Cloud To Instance", `/${binding.bucket}/${sent}`, folder);
  const lost = await awaitFinalWords(flight, beforeOut, `${canary} to the instance`);
  if (lost) throw lost;
  const beforeBack = await statusMessage(subject);
  await start(subject, "Instance To Cloud", folder, `/${binding.bucket}/${back}`);
  const failure = await awaitFinalWords(flight, beforeBack, `${canary} back from the instance`, returned);
  if (await returned()) return;
  throw failure ?? blocked(subject, `${canary} did not come back, although its copies were reported as done`, FIX_COPY);
}

function urlOf({ binding }: Subject): string {
  return `s3://${binding.bucket}/${binding.prefix}`;
}
