import { VastError } from "pulumi-vast/internal/api/errors";
import { z } from "zod";
import { DEFAULT_PATTERNS, type LogPatterns } from "./log.ts";

/** Text of a regular expression, as a config file holds it. */
const expression = z
  .string()
  .min(1)
  .transform((text, context) => {
    try {
      return new RegExp(text, "i");
    } catch {
      context.addIssue({ code: "custom", message: `"${text}" is not a regular expression` });
      return z.NEVER;
    }
  });
const expressions = z.array(expression);

const MINUTE = 60;
const seconds = z.number().nonnegative();

const patternsSchema = z.strictObject({
  setup: expressions.optional(),
  wait: expressions.optional(),
  progress: expressions.optional(),
  oom: expressions.optional(),
  "no-cuda": expressions.optional(),
  gpu: expressions.optional(),
  auth: expressions.optional(),
  image: expressions.optional(),
  "no-container": expressions.optional(),
  "ssh-forwarding": expressions.optional(),
  fatal: expressions.optional(),
});

/** What has to be there before anything is rented: the weights a worker starts from, a service it reports to. */
const probeSchema = z.union([
  z.strictObject({
    s3: z.string().regex(/^s3:\/\/[^/]+\/.+/, 'is "s3://bucket/key"'),
    endpoint: z.string().optional(),
  }),
  z.strictObject({ url: z.url() }),
  z.strictObject({ command: z.array(z.string()).min(1) }),
]);
export type Probe = z.infer<typeof probeSchema>;

const settingsSchema = z.strictObject({
  probe: probeSchema.optional(),
  patterns: patternsSchema.default({}),
  /** Seconds for which a sign has to hold (worker runbook, "Worker replacement triggers"). */
  after: z
    .strictObject({
      fatal: seconds.default(5 * MINUTE),
      setup: seconds.default(10 * MINUTE),
      boot: seconds.default(10 * MINUTE),
      progress: seconds.default(15 * MINUTE),
      queued: seconds.default(2 * MINUTE),
    })
    .prefault({}),
  /** Seconds between two looks into the logs: at first, for how long, and later; and between two looks at the list. */
  every: z
    .strictObject({
      first: z.number().min(1).default(MINUTE),
      firstFor: seconds.default(30 * MINUTE),
      later: z
        .number()
        .min(1)
        .default(10 * MINUTE),
      list: z.number().min(1).default(MINUTE),
    })
    .prefault({}),
  replacementsPerHour: z.int().min(0).default(3),
  /** Of workers that write one: `{worker}` stands for the label; age in seconds above which a worker counts as silent. */
  heartbeat: z
    .strictObject({
      key: z.string().default("heartbeats/{worker}.json"),
      maxAge: z
        .number()
        .positive()
        .default(5 * MINUTE),
    })
    .optional(),
  health: z
    .strictObject({
      gpuWanted: z.number().min(0).max(100).default(60),
      memoryWarning: z.number().min(0).max(100).default(80),
      diskWarning: z.number().min(0).max(100).default(90),
      failures: z.int().min(1).default(3),
      /** A process of the worker, by its command line. */
      process: expression.optional(),
    })
    .prefault({}),
});

export type WatchSettings = Omit<z.infer<typeof settingsSchema>, "patterns"> & { patterns: LogPatterns };

/** `pulumi-vast:watch` of the stack config; without it, the runbook's figures. */
export function readWatchSettings(text: string | undefined): WatchSettings {
  let value: unknown;
  try {
    value = text === undefined ? {} : JSON.parse(text);
  } catch (cause) {
    throw new VastError("config", "config pulumi-vast:watch is not JSON", { cause });
  }
  const parsed = settingsSchema.safeParse(value);
  if (!parsed.success)
    throw new VastError("config", `config pulumi-vast:watch is not right:\n${z.prettifyError(parsed.error)}`, {
      fix: "docs/operator-watch.md lists its keys",
    });
  const { patterns, ...rest } = parsed.data;
  const given = Object.entries(patterns).filter(([, list]) => list !== undefined);
  return { ...rest, patterns: { ...DEFAULT_PATTERNS, ...Object.fromEntries(given) } };
}
