import { z } from "zod";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, ok, type Reply, success } from "../http/replies.ts";
import type { ScheduledJob } from "../world/records.ts";
import { arm } from "../world/schedule.ts";

const JobBody = z.object({
  start_time: z.coerce.number(),
  end_time: z.coerce.number(),
  api_endpoint: z.string().startsWith("/api/"),
  request_method: z.enum(["POST", "PUT", "DELETE"]),
  request_body: z.record(z.string(), z.unknown()).default({}),
  day_of_the_week: z.coerce.number().int().min(0).max(6).nullish(),
  hour_of_the_day: z.coerce.number().int().min(0).max(23).nullish(),
  frequency: z.enum(["HOURLY", "DAILY", "WEEKLY"]),
  instance_id: z.coerce.number().int(),
});

function row(job: ScheduledJob): Record<string, unknown> {
  return {
    id: job.id,
    instance_id: job.instanceId,
    api_endpoint: job.apiEndpoint,
    start_time: job.startTime,
    end_time: job.endTime,
    day_of_the_week: job.dayOfTheWeek,
    hour_of_the_day: job.hourOfTheDay,
    min_of_the_hour: job.minOfTheHour,
    frequency: job.frequency,
  };
}

function read(call: Call): z.infer<typeof JobBody> | Reply {
  const parsed = JobBody.safeParse(call.body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return failure(400, "invalid_args", `Invalid ${issue?.path.join(".")}: ${issue?.message}`);
  }
  if (parsed.data.end_time < parsed.data.start_time) {
    return failure(400, "invalid_args", "Invalid end_time: it is before start_time");
  }
  return parsed.data;
}

type Settings = Omit<ScheduledJob, "id" | "accountId" | "minOfTheHour" | "next">;

/** HOURLY keeps no day and no hour, DAILY no day (vast-api.md 5.4). */
function settings(body: z.infer<typeof JobBody>): Settings {
  return {
    instanceId: body.instance_id,
    apiEndpoint: body.api_endpoint,
    requestMethod: body.request_method,
    requestBody: body.request_body,
    startTime: body.start_time,
    endTime: body.end_time,
    dayOfTheWeek: body.frequency === "WEEKLY" ? (body.day_of_the_week ?? 0) : null,
    hourOfTheDay: body.frequency === "HOURLY" ? null : (body.hour_of_the_day ?? 0),
    frequency: body.frequency,
  };
}

/** The job's request, as its owner would send it; what it answers only shows in the events. */
async function run(call: Call, job: ScheduledJob): Promise<void> {
  const path = job.apiEndpoint.replace(/\{(\w+)\}/, String(job.instanceId));
  const reply = await call.dispatch(job.accountId, job.requestMethod, path, job.requestBody);
  call.world.record("scheduled-job", {
    job: job.id,
    instance: job.instanceId,
    path,
    status: reply.status,
    body: reply.body,
  });
}

function create(call: Call): Reply {
  const body = read(call);
  if ("status" in body) return body;
  const same = own(call).find((job) => job.instanceId === body.instance_id && job.apiEndpoint === body.api_endpoint);
  if (same) return { status: 422, body: { success: false, scheduled_job_id: same.id } };
  const id = call.world.nextNumber("scheduled job");
  const minOfTheHour = call.world.random.once(`minute of job ${id}`).integer(0, 59);
  const job: ScheduledJob = { id, accountId: call.account.id, minOfTheHour, next: undefined, ...settings(body) };
  call.world.jobs.set(id, job);
  arm(call.world, job, (due) => run(call, due));
  return success({ scheduled_job_id: id });
}

function own(call: Call): ScheduledJob[] {
  return [...call.world.jobs.values()].filter((job) => job.accountId === call.account.id);
}

function ownJob(call: Call): ScheduledJob | undefined {
  return own(call).find((job) => job.id === Number(call.params.id));
}

const NO_JOB = failure(404, "not_found", "Scheduled job not found");

export const jobEndpoints = [
  endpoint({
    method: "GET",
    path: "/api/v0/commands/schedule_job/",
    chapter: "5.4",
    scope: "instance_read",
    coverage: "complete",
    handle: (call) => ok(own(call).map(row)),
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/commands/schedule_job/",
    chapter: "5.4",
    scope: "instance_write",
    coverage: "complete: jobs run on the virtual clock, outside the caller's rate limits",
    handle: create,
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/commands/schedule_job/{id}/",
    chapter: "5.4",
    scope: "instance_write",
    coverage: "complete",
    handle: (call) => {
      const job = ownJob(call);
      if (!job) return NO_JOB;
      const body = read(call);
      if ("status" in body) return body;
      Object.assign(job, settings(body));
      arm(call.world, job, (due) => run(call, due));
      return success({ scheduled_job_id: job.id });
    },
  }),
  endpoint({
    method: "DELETE",
    path: "/api/v0/commands/schedule_job/{id}/",
    chapter: "5.4",
    scope: "instance_write",
    coverage: "complete; jobs of a destroyed instance stay and fail (unverified)",
    handle: (call) => {
      const job = ownJob(call);
      if (!job) return NO_JOB;
      call.world.clock.cancel(job.next);
      call.world.jobs.delete(job.id);
      return success({ msg: `Scheduled job ${job.id} deleted successfully` });
    },
  }),
];
