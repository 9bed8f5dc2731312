import { z } from "zod";

export const absolutePath = z
  .string()
  .regex(/^\//, "must be an absolute path on the instance, e.g. /workspace/checkpoints")
  .refine(
    (path) => !["/", "/root", "/root/"].includes(path),
    "must not be / or /root: name the folders that hold results",
  )
  .refine((path) => !path.split("/").includes(".."), "must not contain ..")
  // A listing of it has to fit the 512 characters of the API's `execute` (vast-api.md 3.5).
  .refine(
    (path) => path.length <= 400 && !/["'\\$`\n]/.test(path),
    "must be at most 400 characters, without quotes, $, ` or backslashes",
  );

const hour = z.int().min(0, "is an hour from 0 to 23, UTC").max(23, "is an hour from 0 to 23, UTC");
/** In the order of the service, which counts from Sunday (vast-api.md 5.4). */
export const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;

/** The minute is the service's choice. */
export const scheduleSchema = z.union([
  z.enum(["hourly", "never"]),
  z.strictObject({ daily: hour.describe("hour of the day, 0 to 23, UTC") }),
  z.strictObject({
    weekly: z.strictObject({
      day: z.enum(WEEKDAYS).describe("day of the week, UTC"),
      hour: hour.describe("hour of that day, 0 to 23, UTC"),
    }),
  }),
]);
export type Schedule = z.infer<typeof scheduleSchema>;

export const bindingSchema = z.object({
  connectionId: z.int().positive().describe("cloud connection of the Vast account"),
  bucket: z.string().min(3).describe("S3 bucket"),
  prefix: z.string().describe("what the keys begin with"),
  region: z.string().describe("of the bucket"),
  endpoint: z.string().optional().describe("S3 endpoint; only for stores that are not AWS"),
  schedule: scheduleSchema.optional().describe("recurring backups of instances that declare no schedule of their own"),
});
/** Where copies go and how to read them back: the output `binding` of a CloudSyncTarget. */
export type Binding = z.infer<typeof bindingSchema>;

export const copyOutSchema = z.strictObject({
  target: bindingSchema.optional().describe("the `binding` of a CloudSyncTarget"),
  paths: z.array(absolutePath).default([]).describe("folders on the instance that hold results"),
  required: z.array(z.string().min(1)).default([]).describe('patterns that must match at least one file, e.g. "*.pt"'),
  expectedGb: z
    .number()
    .positive()
    .optional()
    .describe("GB that the paths hold at their largest; a policy compares it with the disk"),
  verify: z
    .enum(["size", "checksum"])
    .default("size")
    .describe(
      "`size`: every file in S3 with the same size, and the same modification time where the copy tool keeps it; `checksum`: also the same SHA-256, taken on the instance over SSH before it stops",
    ),
  verifyCommand: z
    .string()
    .min(1)
    .optional()
    .describe(
      "run on the instance over SSH once its files are copied, before it stops; anything but exit code 0 blocks",
    ),
  schedule: scheduleSchema
    .optional()
    .describe(
      'recurring backups while the instance lives, of one folder (the service keeps one scheduled copy per instance): "hourly", { daily: hour } or { weekly: { day, hour } }, UTC; "never" overrides the target\'s',
    ),
  timeout: z.number().positive().default(3600).describe("seconds for one copy, and for `verifyCommand`"),
  onCopyFailure: z
    .enum(["block", "stop"])
    .default("block")
    .describe("when copying fails: leave the instance as it was, or stop its compute meter and keep its disk"),
  waive: z
    .string()
    .trim()
    .min(10, "needs a written reason of at least 10 characters")
    .optional()
    .describe("destroy without copying, for this reason"),
});
export type CopyOut = z.infer<typeof copyOutSchema>;

/** Its own, or else its target's. */
export function scheduleOf(copyOut: CopyOut | undefined): Exclude<Schedule, "never"> | undefined {
  const schedule = copyOut?.schedule ?? copyOut?.target?.schedule;
  return schedule === "never" ? undefined : schedule;
}

const restoreSource = z.union([z.literal("last"), z.int().positive()]);
export const restoreFromSchema = z.union([
  restoreSource,
  z.strictObject({
    contract: restoreSource.describe('"last" or a contract id'),
    paths: z.array(absolutePath).min(1).describe("folders to bring back; default: those of `copyOut.paths`"),
  }),
]);
export type RestoreFrom = z.infer<typeof restoreFromSchema>;
