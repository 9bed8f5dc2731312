import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { z } from "zod";
import type { OperatorStack } from "./stack.ts";

/** One thing that was done, or that happened, as a line of the record (docs/operator.md, "The record"). */
const actionSchema = z.object({
  /** ISO time by the service's clock. */
  at: z.iso.datetime({ offset: true }),
  /** `user@machine`, and by which process. */
  who: z.string(),
  pid: z.int(),
  /** The command, or what it did: `scale`, `replace`, `kill` … */
  what: z.string().min(1),
  /** In words: what asked for it. */
  why: z.string(),
  /** Labels of workers it was about. */
  workers: z.array(z.string()).default([]),
  /** Names of fleets it was about. */
  fleets: z.array(z.string()).default([]),
  /** Ids of contracts it was about. */
  contracts: z.array(z.int()).default([]),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  /** USD/h of what it was about, as billed before and after. */
  dphBefore: z.number().optional(),
  dphAfter: z.number().optional(),
  /** Seconds it took. */
  seconds: z.number().optional(),
  outcome: z.enum(["ok", "failed", "partial"]).default("ok"),
  error: z.string().optional(),
});
export type Action = z.output<typeof actionSchema>;
/** What a command says of its action; the rest is filled in. No environments, no keys: the record is not a secret. */
export type NewAction = Omit<z.input<typeof actionSchema>, "at" | "who" | "pid">;

export interface Recorded {
  actions: Action[];
  /** Lines that cannot be understood, e.g. of a disk that was full. */
  unreadable: number;
}

export interface ActionRecord {
  readonly file: string;
  append(action: NewAction): void;
  /** In the order of their times; ISO times or epoch seconds, `until` excluded; `prefix` of a fleet or a label. */
  read(range?: { since?: number; until?: number; prefix?: string }): Recorded;
}

export function actionRecord(stack: Pick<OperatorStack, "folder" | "name">, nowS: () => number): ActionRecord {
  const file = join(stack.folder, ".vast-fleet", `${stack.name.replaceAll("/", ".")}.jsonl`);
  const who = `${userInfo().username}@${hostname()}`;
  return {
    file,
    append: (action) => {
      const at = new Date(nowS() * 1000).toISOString();
      const line = JSON.stringify(actionSchema.parse({ at, who, pid: process.pid, ...action }));
      mkdirSync(dirname(file), { recursive: true });
      // One write at the end of the file: lines of two processes do not mix.
      appendFileSync(file, `${line}\n`);
    },
    read: ({ since = 0, until = Number.POSITIVE_INFINITY, prefix } = {}) => {
      const { actions, unreadable } = parse(file);
      const about = ({ fleets, workers }: Action) =>
        prefix === undefined || [...fleets, ...workers].some((name) => matchesPrefix(name, prefix));
      const inRange = ({ at }: Action) => Date.parse(at) / 1000 >= since && Date.parse(at) / 1000 < until;
      const chosen = actions.filter((action) => inRange(action) && about(action));
      return { actions: chosen.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)), unreadable };
    },
  };
}

function parse(file: string): Recorded {
  if (!existsSync(file)) return { actions: [], unreadable: 0 };
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const actions = lines.flatMap((line) => {
    const parsed = actionSchema.safeParse(parsedJson(line));
    return parsed.success ? [parsed.data] : [];
  });
  return { actions, unreadable: lines.length - actions.length };
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
