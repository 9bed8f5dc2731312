import type { FleetEdit } from "../fleet/config.ts";
import { type Fleets, withPrefix } from "../fleet/read.ts";
import type { Session } from "../session.ts";
import type { PlannedChanges } from "../stack/preview.ts";
import { confirmed, EXIT, printJson } from "../terminal.ts";
import { describeChanges, type FleetState, statesOf, tableOfFleets } from "./describe.ts";
import { withEdits } from "./with-edits.ts";

/** A change of the fleet through its stack: what the config says, then an `up` or a destroy of targets. */
export interface Change {
  /** The command. */
  what: string;
  why: string;
  edits: readonly FleetEdit[];
  /** Names of the fleets it is about. */
  fleets: readonly string[];
  /** Undefined: the whole stack. */
  targets: readonly string[] | undefined;
  /** Destroyed instead of brought up. */
  destroy?: boolean;
  /** Asked instead of what a preview says. */
  question?: string;
  /** Done once somebody has agreed, before anything is changed; when it fails nothing is. */
  first?: () => Promise<void>;
}

export interface ChangeOptions {
  yes?: boolean | undefined;
  json?: boolean | undefined;
}

/**
 * Shows what would happen, asks, writes the config and runs the engine; all of it is recorded. The config stays as it was
 * where nothing began: nobody agreed, a policy refused, another update was under way.
 */
export async function makeChange(session: Session, change: Change, options: ChangeOptions): Promise<number> {
  const before = await session.fleets();
  const planned = change.destroy ? undefined : await look(session, change);
  const shown = change.question ?? (planned ? describeChanges(planned) : "");
  if (planned?.steps.length === 0 && change.edits.length === 0)
    return finish(session, change, options, before, planned);
  if (!options.json || !options.yes) session.log(shown);
  if (!(await confirmed("Go on?", options.yes))) return EXIT.partial;
  const startedS = session.clock.nowS();
  const failure = await perform(session, change).then(
    () => undefined,
    (error: Error) => error,
  );
  const after = await session.fleets().catch(() => undefined);
  record(session, change, { before, after, failure, seconds: session.clock.nowS() - startedS });
  if (failure && (!after || !hasChanged(before, after))) throw failure;
  if (failure) session.log(`error: ${failure.message}`);
  return finish(session, change, options, after ?? before, planned, failure);
}

async function look(session: Session, { edits, targets }: Change): Promise<PlannedChanges> {
  session.log("Asking the engine what would change (a preview) …");
  return session.stack.preview({ edits, targets, signal: session.signal });
}

async function perform(session: Session, change: Change): Promise<void> {
  await change.first?.();
  await withEdits(session, change.edits, () => run(session, change));
}

function run({ stack, log, signal }: Session, { destroy, targets }: Change): Promise<void> {
  const options = { onLine: log, signal };
  return destroy ? stack.destroy({ ...options, targets: targets ?? [] }) : stack.up({ ...options, targets });
}

function hasChanged(before: Fleets, after: Fleets): boolean {
  const key = ({ workers }: Fleets) =>
    JSON.stringify(workers.map(({ urn, contract, condition }) => [urn, contract, condition]));
  return key(before) !== key(after);
}

interface Done {
  before: Fleets;
  after: Fleets | undefined;
  failure: Error | undefined;
  seconds: number;
}

function record(
  { record }: Session,
  { what, why, fleets, edits, destroy, targets = [] }: Change,
  { before, after, failure, seconds }: Done,
): void {
  const concerned = (all: Fleets) =>
    destroy ? all.workers.filter(({ urn }) => targets.includes(urn)) : fleets.flatMap((name) => withPrefix(all, name));
  const facts = (all: Fleets) =>
    concerned(all).map(({ label, contract, condition }) => ({ label, contract, condition }));
  const dph = (all: Fleets) => concerned(all).reduce((sum, worker) => sum + worker.dph, 0);
  record.append({
    what,
    why,
    fleets: [...fleets],
    workers: [...new Set([...concerned(before), ...(after ? concerned(after) : [])].map(({ label }) => label))],
    before: { workers: facts(before) },
    after: { config: edits, ...(after ? { workers: facts(after) } : {}) },
    dphBefore: dph(before),
    ...(after ? { dphAfter: dph(after) } : {}),
    seconds: Math.round(seconds),
    outcome: failure ? (after && hasChanged(before, after) ? "partial" : "failed") : "ok",
    ...(failure ? { error: failure.message } : {}),
  });
}

function finish(
  { stack, log }: Session,
  { fleets, destroy }: Change,
  options: ChangeOptions,
  after: Fleets,
  planned: PlannedChanges | undefined,
  failure?: Error,
): number {
  const states = statesOf(after).filter(({ fleet }) => fleets.length === 0 || fleets.includes(fleet));
  const steps = (planned?.steps ?? []).map(({ op, name, type, because }) => ({ op, name, type, because }));
  if (options.json) printJson({ stack: stack.name, steps, fleets: states, error: failure?.message });
  else {
    if (planned?.steps.length === 0) log("Nothing had to be changed.");
    console.log(tableOfFleets(states));
  }
  const isPartial = failure !== undefined || (!destroy && states.some(incomplete));
  return isPartial ? EXIT.partial : EXIT.ok;
}

function incomplete({ wanted, workers, notRunning }: FleetState): boolean {
  return workers < (wanted ?? 0) || notRunning > 0;
}
