import { isDeepStrictEqual } from "node:util";
import { JOB_EXISTS_STATUS } from "../api/assumptions.ts";
import { cloudCopyBody, startCloudCopy } from "../api/copies.ts";
import { isVastError } from "../api/errors.ts";
import type { InstanceRow } from "../api/instances.ts";
import { createJob, deleteJob, type JobRequest, listJobs, replaceJob } from "../api/jobs.ts";
import type { Context } from "../context.ts";
import type { InstanceState } from "../lifecycle/instance/outputs.ts";
import { type Schedule, scheduleOf, WEEKDAYS } from "./inputs.ts";
import { prefixOf, subjectOf } from "./subject.ts";

type Scheduled = Pick<InstanceState, "label" | "copyOut" | "volume">;

const YEAR_S = 365 * 86_400;

/** Recurring backups as the service's own job (vast-api.md 5.4): they go on whether anybody runs anything here or not. */
export async function ensureSchedule(context: Context, instance: Scheduled, row: InstanceRow): Promise<void> {
  const schedule = scheduleOf(instance.copyOut);
  const subject = subjectOf(context, instance, row);
  const [folder] = subject?.copyOut.paths ?? [];
  if (!schedule || !subject || folder === undefined) return;
  const nowS = context.clock.nowS();
  const job: JobRequest = {
    instanceId: row.id,
    endpoint: startCloudCopy.route,
    method: "POST",
    // The same keys as the gate's: what a backup has copied, the gate need not.
    body: cloudCopyBody({
      instanceId: row.id,
      connectionId: subject.binding.connectionId,
      direction: "Instance To Cloud",
      src: folder,
      dst: `/${subject.binding.bucket}/${prefixOf(subject, folder)}`,
    }),
    ...timesOf(schedule),
    startS: nowS,
    endS: Math.max(row.end_date ?? 0, nowS + YEAR_S),
  };
  await createOrReplace(context, job);
  context.log(`${instance.label}: ${folder} of contract ${row.id} is backed up ${shown(schedule)}`);
}

async function createOrReplace(context: Context, job: JobRequest): Promise<void> {
  try {
    await context.transport.call(createJob, job);
  } catch (error) {
    if (!isVastError(error) || error.status !== JOB_EXISTS_STATUS) throw error;
    const [existing] = await jobsOf(context, job.instanceId);
    if (existing === undefined) throw error;
    await context.transport.call(replaceJob, existing, job);
  }
}

/** A change of the schedule, or of what it copies, on an instance that lives. */
export async function changeSchedule(context: Context, old: Scheduled, now: Scheduled, row: InstanceRow) {
  const relevant = ({ copyOut }: Scheduled) => [scheduleOf(copyOut), copyOut?.target, copyOut?.paths[0]];
  if (isDeepStrictEqual(relevant(old), relevant(now))) return;
  if (scheduleOf(now.copyOut)) await ensureSchedule(context, now, row);
  else await removeSchedule(context, old, row.id);
}

/** Jobs of a destroyed instance may go on failing for ever (vast-api.md 5.4); that is no reason to keep the instance. */
export async function removeSchedule(context: Context, instance: Scheduled, id: number): Promise<void> {
  if (!scheduleOf(instance.copyOut)) return;
  try {
    for (const job of await jobsOf(context, id)) await context.transport.call(deleteJob, job);
  } catch (error) {
    if (isVastError(error, "not-found")) return;
    context.log(
      `WARNING: ${instance.label}: the scheduled backup of contract ${id} could not be removed (${(error as Error).message}); \`vastai delete scheduled-job\` does it by hand`,
    );
  }
}

async function jobsOf({ transport }: Context, id: number): Promise<number[]> {
  const jobs = await transport.call(listJobs);
  return jobs.filter((job) => job.instance_id === id && job.api_endpoint === startCloudCopy.route).map((job) => job.id);
}

function timesOf(schedule: Exclude<Schedule, "never">): Pick<JobRequest, "frequency" | "day" | "hour"> {
  if (schedule === "hourly") return { frequency: "HOURLY", day: null, hour: null };
  if ("daily" in schedule) return { frequency: "DAILY", day: null, hour: schedule.daily };
  return { frequency: "WEEKLY", day: WEEKDAYS.indexOf(schedule.weekly.day), hour: schedule.weekly.hour };
}

function shown(schedule: Exclude<Schedule, "never">): string {
  if (schedule === "hourly") return "every hour";
  if ("daily" in schedule) return `every day in the hour from ${schedule.daily}:00 UTC`;
  return `every ${schedule.weekly.day} in the hour from ${schedule.weekly.hour}:00 UTC`;
}
