import { VastError } from "pulumi-vast/internal/api/errors";
import { z } from "zod";
import { readYaml } from "../yaml-file.ts";

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as "22:00"');
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
export type Day = (typeof DAYS)[number];
const count = z.int().min(0).max(1000);

const queueSchema = z.union(
  [
    z.strictObject({
      sqs: z.url().describe("URL of the queue; credentials, region and endpoint as for any AWS program"),
      region: z.string().optional(),
    }),
    z.strictObject({
      redis: z.url().describe("redis://user:password@host:port/db; rediss:// for TLS"),
      key: z
        .string()
        .min(1)
        .describe("a list, stream, set or sorted set; a string that holds a number counts as it is"),
    }),
    z.strictObject({
      http: z.url().describe("answers JSON"),
      path: z.string().default("depth").describe("where in the answer the number is, e.g. queues.0.backlog"),
      headers: z.record(z.string(), z.string()).default({}),
    }),
  ],
  "must be {sqs}, {redis, key} or {http, path?, headers?}",
);
export type QueueSource = z.output<typeof queueSchema>;

const windowSchema = z.strictObject({
  days: z.array(z.enum(DAYS)).min(1).optional().describe("of the window's start; default: every day"),
  from: clockTime,
  to: clockTime.describe("not after `from`: the next morning"),
  min: count.optional(),
  max: count.optional(),
  itemsPerWorker: z.number().positive().optional(),
});

const fleetSchema = z
  .strictObject({
    queue: queueSchema,
    itemsPerWorker: z.number().positive().describe("queued items that one worker is rented for"),
    workerDph: z
      .number()
      .positive()
      .optional()
      .describe("USD/h that one more worker may cost; default: `offer.maxDph` of the fleet"),
    min: count.optional().describe("default: VAST_AUTOSCALE_MIN, else 2"),
    max: count.optional().describe("default: VAST_AUTOSCALE_MAX, else 10"),
    budget: z
      .strictObject({ daily: z.number().positive().optional(), monthly: z.number().positive().optional() })
      .default({})
      .describe("USD a day and a calendar month (UTC, as the service bills), everything the fleet is charged for"),
    cooldownMinutes: z
      .strictObject({ up: z.number().min(0).default(10), down: z.number().min(0).default(30) })
      .prefault({}),
    stepUp: z.int().min(1).default(1000).describe("workers added at once, at most"),
    stepDown: z.int().min(1).default(1000).describe("workers removed at once, at most"),
    removeBusy: z
      .boolean()
      .default(false)
      .describe("a queue that shrinks removes busy workers too; a budget always does"),
    idleBelowUtil: z.number().min(0).max(100).default(5).describe("GPU use in percent below which a worker is idle"),
    idleMinutes: z.number().min(0).default(10).describe("for so long, from one check to another"),
    lookAheadMinutes: z
      .number()
      .min(10)
      .default(60)
      .describe("a budget is kept for this long ahead: longer than two checks and a copy-out"),
    windows: z.array(windowSchema).default([]).describe("the first that is open at the time holds"),
    timezone: z
      .string()
      .refine(isTimeZone, "is no time zone; write it like Europe/Berlin")
      .default("UTC")
      .describe("of the windows"),
  })
  .refine((fleet) => (fleet.min ?? 0) <= (fleet.max ?? 1000), "min is above max");

const policySchema = z.strictObject({ fleets: z.record(z.string(), fleetSchema) });

export type FleetPolicy = z.output<typeof fleetSchema> & { min: number; max: number };
export type ScalingPolicy = Record<string, FleetPolicy>;

const DEFAULT_MIN = 2;
const DEFAULT_MAX = 10;

/** @throws VastError naming the file, the key and what to write instead */
export function readPolicy(file: string, env: NodeJS.ProcessEnv = process.env): ScalingPolicy {
  const { fleets } = readYaml(file, policySchema, env);
  const least = bound(env, "VAST_AUTOSCALE_MIN", DEFAULT_MIN);
  const most = bound(env, "VAST_AUTOSCALE_MAX", DEFAULT_MAX);
  return Object.fromEntries(
    Object.entries(fleets).map(([name, fleet]) => {
      const max = fleet.max ?? Math.max(most, fleet.min ?? 0);
      return [name, { ...fleet, max, min: fleet.min ?? Math.min(least, max) }];
    }),
  );
}

function bound(env: NodeJS.ProcessEnv, variable: string, fallback: number): number {
  const text = env[variable];
  if (text === undefined || text === "") return fallback;
  const parsed = count.safeParse(Number(text));
  if (parsed.success) return parsed.data;
  throw new VastError("config", `${variable} must be a whole number from 0 to 1000, not ${text}`);
}

export interface Limits {
  min: number;
  max: number;
  itemsPerWorker: number;
  /** e.g. "22:00-06:00"; undefined outside every window. */
  window: string | undefined;
}

/** What holds at this moment, epoch seconds: the first open window, else the fleet's own numbers. */
export function limitsAt(policy: FleetPolicy, nowS: number): Limits {
  const { day, minute } = localTime(nowS, policy.timezone);
  const open = policy.windows.find((window) => isOpen(window, day, minute));
  const max = open?.max ?? Math.max(policy.max, open?.min ?? 0);
  return {
    max,
    min: open?.min ?? Math.min(policy.min, max),
    itemsPerWorker: open?.itemsPerWorker ?? policy.itemsPerWorker,
    window: open ? `${open.from}-${open.to}` : undefined,
  };
}

function isOpen({ days, from, to }: z.output<typeof windowSchema>, day: number, minute: number): boolean {
  const [start, end] = [minutesOf(from), minutesOf(to)];
  const startsOn = (number: number) => days === undefined || days.includes(DAYS[(number + 7) % 7] as Day);
  if (start < end) return minute >= start && minute < end && startsOn(day);
  return (minute >= start && startsOn(day)) || (minute < end && startsOn(day - 1));
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

function localTime(nowS: number, timeZone: string): { day: number; minute: number } {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(nowS * 1000);
  const part = (type: string) => parts.find((candidate) => candidate.type === type)?.value ?? "";
  return {
    day: DAYS.indexOf(part("weekday").toLowerCase() as Day),
    minute: Number(part("hour")) * 60 + Number(part("minute")),
  };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
