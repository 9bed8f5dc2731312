import { z } from "zod";
import { endpoint } from "./transport.ts";

const ROUTE = "/api/v0/commands/schedule_job/";

/** A scheduled job as listed: what it does with its endpoint is not shown (vast-api.md 5.4). */
export const ScheduledJob = z.object({
  id: z.number().int(),
  instance_id: z.number().int(),
  api_endpoint: z.string(),
  frequency: z.string(),
  /** 0 is Sunday, UTC. */
  day_of_the_week: z.number().nullish(),
  /** UTC. */
  hour_of_the_day: z.number().nullish(),
});

export interface JobRequest {
  instanceId: number;
  endpoint: string;
  method: "POST" | "PUT" | "DELETE";
  body: Record<string, unknown>;
  frequency: "HOURLY" | "DAILY" | "WEEKLY";
  /** 0 is Sunday, UTC. */
  day: number | null;
  /** UTC. */
  hour: number | null;
  /** Epoch seconds. */
  startS: number;
  endS: number;
}

function wire(job: JobRequest): Record<string, unknown> {
  return {
    start_time: job.startS,
    end_time: job.endS,
    api_endpoint: job.endpoint,
    request_method: job.method,
    request_body: job.body,
    day_of_the_week: job.day,
    hour_of_the_day: job.hour,
    frequency: job.frequency,
    instance_id: job.instanceId,
  };
}

export const listJobs = endpoint({
  method: "GET",
  route: ROUTE,
  path: () => ROUTE,
  reply: z.array(ScheduledJob),
  resend: "when-unsure",
});

/** What the answer says is not documented; a job that exists already is answered 422. */
export const createJob = endpoint({
  method: "POST",
  route: ROUTE,
  path: (_job: JobRequest) => ROUTE,
  body: wire,
  reply: z.unknown(),
  // A second one is refused with 422.
  resend: "when-unsure",
});

export const replaceJob = endpoint({
  method: "PUT",
  route: `${ROUTE}{id}/`,
  path: (id: number, _job: JobRequest) => `${ROUTE}${id}/`,
  body: (_id, job) => wire(job),
  reply: z.unknown(),
  resend: "when-unsure",
});

export const deleteJob = endpoint({
  method: "DELETE",
  route: `${ROUTE}{id}/`,
  path: (id: number) => `${ROUTE}${id}/`,
  reply: z.unknown(),
  resend: "when-unsure",
});
