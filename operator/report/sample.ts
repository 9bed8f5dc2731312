import PQueue from "p-queue";
import { fetchLog } from "../fleet/log.ts";
import type { Worker } from "../fleet/read.ts";
import type { Session } from "../session.ts";
import { DEFAULT_PATTERNS, type Progress, readLog } from "../watch/log.ts";
import { type Sample, sampleOf } from "./samples.ts";

const LOG_LINES = 50;
const AT_ONCE = 8;

/** One look at every worker. Logs that cannot be had leave the work unknown, nothing else. */
export async function takeSamples(session: Session, units: RegExp | undefined): Promise<Sample[]> {
  const { workers } = await session.fleets();
  const team = teamOf(session);
  const atS = Math.round(session.clock.nowS());
  const queue = new PQueue({ concurrency: AT_ONCE });
  const looks = workers.map((worker) => async (): Promise<Sample[]> => {
    if (!worker.row) return [];
    const progress = worker.condition === "running" ? await progressOf(session, worker, units) : undefined;
    return [sampleOf(worker.row, { fleet: worker.fleet ?? "none", team: team(worker), progress }, atS)];
  });
  const samples = (await queue.addAll(looks)).flat();
  return samples.toSorted((a, b) => a.label.localeCompare(b.label, "en", { numeric: true }));
}

/** By the tag `team` of a worker, else of the stack. */
export function teamOf({ stack }: Pick<Session, "stack">): (worker?: Pick<Worker, "inputs">) => string {
  const tags = JSON.parse(stack.config(`${stack.project}:tags`) ?? "{}") as { team?: unknown };
  const whole = typeof tags.team === "string" ? tags.team : "none";
  return (worker) => worker?.inputs.tags?.team ?? whole;
}

async function progressOf({ context, log }: Session, worker: Worker, units?: RegExp): Promise<Progress | undefined> {
  try {
    const text = await fetchLog(context, worker.contract, { tail: LOG_LINES });
    return text === undefined ? undefined : progressIn(text, units);
  } catch (error) {
    log(`${worker.label}: its log cannot be had: ${(error as Error).message}`);
    return undefined;
  }
}

/** The last line of progress. An expression of one's own names the groups `rate` (a second) or `total`; or its first group is the rate. */
export function progressIn(text: string, units: RegExp | undefined): Progress | undefined {
  if (!units) return readLog(text, DEFAULT_PATTERNS).progress;
  const line = text.split("\n").findLast((candidate) => units.test(candidate));
  const match = line === undefined ? null : units.exec(line);
  if (!match || line === undefined) return undefined;
  const number = (value: string | undefined) => (value === undefined ? undefined : Number(value.replaceAll(",", "")));
  const { rate, total } = match.groups ?? {};
  return { line, rate: number(match.groups ? rate : match[1]), total: number(total) };
}
