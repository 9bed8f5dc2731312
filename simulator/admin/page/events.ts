import type { WorldEvent } from "../../world/event-log.ts";
import type { World } from "../../world/world.ts";

const ROWS = 120;
/** How far back it looks for them: without a fleet, the market's events go on for ever. */
const LOOK_BACK = 5000;
/** Commands and error texts may be pages long; the whole of them is in /admin/events. */
const TEXT_CHARS = 300;

/** What an event is about, most telling first. An event about none of these is the market's own. */
const SUBJECTS = ["contract", "volume", "account", "fault"] as const;

export interface EventLine {
  sequence: number;
  at: number;
  kind: string;
  subject: string;
  text: string;
}

/** The latest events, newest first. */
export function latestEvents(world: World, options: { market: boolean }): EventLine[] {
  const lines: EventLine[] = [];
  let seen = 0;
  for (const event of world.events.newestFirst()) {
    seen += 1;
    if (lines.length === ROWS || seen > LOOK_BACK) break;
    if (options.market || SUBJECTS.some((subject) => subject in event)) lines.push(line(world, event));
  }
  return lines;
}

function line(world: World, event: WorldEvent): EventLine {
  const { sequence, at, kind, ...details } = event;
  const subject = subjectOf(world, details);
  const text = kind === "state" ? stateText(details) : detailText(details);
  return { sequence, at, kind, subject, text: text.slice(0, TEXT_CHARS) };
}

function subjectOf(world: World, details: Record<string, unknown>): string {
  if ("contract" in details) {
    const label = world.contracts.get(Number(details.contract))?.label;
    return label ? `${label} ${details.contract}` : String(details.contract);
  }
  const name = [...SUBJECTS, "machineId"].find((key) => key in details);
  return name === undefined ? "" : `${name.replace("Id", "")} ${details[name]}`;
}

function stateText({ reason, actual }: Record<string, unknown>): string {
  return actual === null || actual === reason ? String(reason) : `${reason}: ${actual}`;
}

function detailText(details: Record<string, unknown>): string {
  const subjects: readonly string[] = [...SUBJECTS, "machineId"];
  return Object.entries(details)
    .filter(([key, value]) => !subjects.includes(key) && value !== null && value !== undefined)
    .map(([key, value]) => `${key} ${plain(value)}`)
    .join(", ");
}

function plain(value: unknown): string {
  if (typeof value === "number") return String(Math.round(value * 1e4) / 1e4);
  return typeof value === "string" ? value : JSON.stringify(value);
}
