import { z } from "zod";
import { listConnections } from "../api/copies.ts";
import { VastError } from "../api/errors.ts";
import { assertHome, type Context, type Home, homeOf } from "../context.ts";
import { openBucket } from "../copy-out/bucket.ts";
import { type Binding, scheduleSchema } from "../copy-out/inputs.ts";
import { changesOf } from "./changes.ts";
import type { DiffResult } from "./instance/diff.ts";
import { plain, type ReadResult } from "./instance/read.ts";

export const targetInputsSchema = z.strictObject({
  mark: z.string().min(16).describe("made by the resource: whose this target is"),
  connection: z
    .union([z.string().min(1), z.int().positive()])
    .describe("name or id of a cloud connection of the Vast account"),
  bucket: z.string().min(3).describe("S3 bucket"),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9!_.*'()/-]*$/, "may hold letters, digits and ! _ . * ' ( ) / -")
    .refine((prefix) => !prefix.startsWith("/"), "must not start with /")
    .describe("what the keys of this target begin with; one target's is not another's"),
  region: z.string().min(1).describe("of the bucket, e.g. us-east-1"),
  endpoint: z.url().optional().describe("S3 endpoint; only for stores that are not AWS"),
  schedule: scheduleSchema
    .optional()
    .describe(
      'recurring backups of instances that declare no schedule of their own: "hourly", { daily: hour } or { weekly: { day, hour } }, UTC',
    ),
  accessKeyId: z.string().optional().describe("the key to enter in the Vast console, for the instructions"),
  secretHint: z.string().optional().describe("how to show the secret of that key, for the instructions"),
});
export type TargetInputs = z.infer<typeof targetInputsSchema>;
export type TargetState = TargetInputs & { home: Home; binding: Binding };

export async function createTarget(
  context: Context,
  raw: Record<string, unknown>,
): Promise<{ id: string; outs: Record<string, unknown> }> {
  const inputs = parse(raw);
  return {
    id: `target-${inputs.mark}`,
    outs: plain({ ...inputs, home: await homeOf(context), binding: await bind(context, inputs) }),
  };
}

function parse(raw: Record<string, unknown>): TargetInputs {
  const { __provider, ...given } = raw;
  return targetInputsSchema.parse(given);
}

/** Checks connection and bucket; what the connection can really write shows only when an instance copies. */
async function bind(context: Context, inputs: TargetInputs): Promise<Binding> {
  const { bucket, prefix, region, endpoint, schedule } = inputs;
  const s3 = openBucket({ bucket, region, endpoint });
  await s3.assertUsable();
  if (!(await s3.isVersioned())) {
    context.log(`warning: s3://${bucket} is not versioned: an overwritten checkpoint cannot be brought back`);
  }
  const connections = await context.transport.call(listConnections);
  const found = connections.find(
    (connection) => connection.id === inputs.connection || connection.name === inputs.connection,
  );
  if (!found)
    throw consoleSteps(
      inputs,
      connections.map((connection) => connection.name),
    );
  if (found.cloud_type !== "s3") {
    throw new VastError("refused", `the cloud connection "${found.name}" is of type ${found.cloud_type}, not s3`, {
      fix: "name an S3 connection",
    });
  }
  return plain({ connectionId: found.id, bucket, prefix, region, endpoint, schedule }) as Binding;
}

/** Connections can be made in the Vast console only, and their key comes from this very stack (design.md, "CloudSyncTarget"). */
function consoleSteps(inputs: TargetInputs, others: string[]): VastError {
  const steps = [
    "open the Vast console: Settings → Cloud Connections → Add connection → Amazon S3",
    `name it exactly ${JSON.stringify(inputs.connection)}`,
    `access key ID: ${inputs.accessKeyId ?? "the one made by this stack"}`,
    `secret access key: ${inputs.secretHint ?? "shown by `pulumi stack export --show-secrets`"}`,
    `region: ${inputs.region}${inputs.endpoint ? `, endpoint: ${inputs.endpoint}` : ""}`,
    "then run `pulumi up` again: it goes on from here",
  ];
  const known = others.length > 0 ? ` (it has: ${others.join(", ")})` : "";
  return new VastError(
    "blocked",
    `the Vast account has no cloud connection ${JSON.stringify(inputs.connection)} yet${known}. Bucket and key are ready; one step is left, in the Vast console:\n${steps.map((step, index) => `    ${index + 1}. ${step}`).join("\n")}`,
  );
}

export async function readTarget(context: Context, id: string, props: Record<string, unknown>): Promise<ReadResult> {
  const { __provider, ...state } = props;
  await assertHome(context, state.home as Home | undefined, `cloud sync target ${id}`);
  const connections = await context.transport.call(listConnections);
  const { connectionId } = (state.binding ?? {}) as Partial<Binding>;
  if (!connections.some((connection) => connection.id === connectionId)) {
    context.log(
      `warning: cloud connection ${connectionId} is no longer in the Vast account: copies will fail until \`pulumi up\` finds it again`,
    );
  }
  return { id, props: plain(state) };
}

export const TARGET_REPLACES: readonly string[] = ["mark"];

export async function diffTarget(
  context: Context,
  id: string,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Promise<DiffResult> {
  await assertHome(context, olds.home as Home | undefined, `cloud sync target ${id}`);
  const changed = changesOf(targetInputsSchema, Object.keys(targetInputsSchema.shape), olds, news);
  return {
    changes: changed.size > 0,
    replaces: TARGET_REPLACES.filter((key) => changed.has(key)),
    deleteBeforeReplace: true,
  };
}

export async function updateTarget(
  context: Context,
  id: string,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Promise<{ outs: Record<string, unknown> }> {
  const inputs = parse(news);
  await assertHome(context, olds.home as Home | undefined, `cloud sync target ${id}`);
  return { outs: plain({ ...inputs, home: olds.home, binding: await bind(context, inputs) }) };
}

/** Objects stay: a target is a binding, not the data behind it. */
export async function removeTarget(context: Context, _id: string, props: Record<string, unknown>): Promise<void> {
  const { bucket, prefix } = props as unknown as TargetState;
  context.log(
    `cloud sync target to s3://${bucket}/${prefix} removed from the stack; its objects and the Vast connection stay`,
  );
}
