import type { Frequency, ScheduledJob } from "./records.ts";
import type { World } from "./world.ts";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

const PERIOD_S: Record<Frequency, number> = { HOURLY: HOUR_S, DAILY: DAY_S, WEEKLY: 7 * DAY_S };

/** 1970-01-04 was a Sunday. */
const FIRST_SUNDAY_S = 3 * DAY_S;

/** The first time after `after` that fits minute, hour and day of the job, in UTC. */
export function nextRun(
  job: Pick<ScheduledJob, "frequency" | "minOfTheHour" | "hourOfTheDay" | "dayOfTheWeek">,
  after: number,
): number {
  const period = PERIOD_S[job.frequency];
  const hour = job.frequency === "HOURLY" ? 0 : (job.hourOfTheDay ?? 0);
  const day = job.frequency === "WEEKLY" ? (job.dayOfTheWeek ?? 0) : 0;
  const origin = job.frequency === "WEEKLY" ? FIRST_SUNDAY_S : 0;
  const offset = origin + day * DAY_S + hour * HOUR_S + job.minOfTheHour * MINUTE_S;
  return offset + (Math.floor((after - offset) / period) + 1) * period;
}

/** Sets the job's next run; none after its end. */
export function arm(world: World, job: ScheduledJob, run: (job: ScheduledJob) => Promise<void>): void {
  world.clock.cancel(job.next);
  const at = nextRun(job, Math.max(world.now, job.startTime - 1));
  if (at > job.endTime) {
    job.next = undefined;
    return;
  }
  job.next = world.clock.at(at, `scheduled job ${job.id}`, () => {
    if (!world.jobs.has(job.id)) return;
    world.clock.spawn(`scheduled job ${job.id}`, () => run(job));
    arm(world, job, run);
  });
}
