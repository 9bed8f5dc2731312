import type { ReconcileOptions } from "../../operator/commands/reconcile.ts";
import { destroyAll } from "../../operator/reconcile/destroy.ts";
import { adoptable, planOf, stillAgreed } from "../../operator/reconcile/plan.ts";
import type { Context } from "../../provider/context.ts";
import { makeMark, stackMarkPrefix } from "../../provider/lifecycle/mark.ts";
import {
  classify,
  type Findings,
  type KnownResource,
  type StackKnowledge,
} from "../../provider/lifecycle/reconcile/findings.ts";
import type { CopyOutOrder } from "../../provider/lifecycle/reconcile/settle.ts";
import { survey } from "../../provider/lifecycle/reconcile/survey.ts";
import type { Declared, Engine, Kind, Process, Props } from "./engine.ts";
import type { SteppedClock } from "./stepped-clock.ts";

/** Of the stack that every run has. */
const STACK = { project: "campaign", stack: "dev", owner: "o" };
/** `vast-fleet reconcile --adopt --refresh --destroy --yes`. */
const ALL: ReconcileOptions = { cwd: ".", adopt: true, refresh: true, destroy: true, yes: true };
const TYPES = { instance: "Instance", volume: "Volume", target: "CloudSyncTarget" } as const;

export function markFor(name: string): string {
  return makeMark({ ...STACK, name });
}

export interface ReconcileRequest {
  engine: Engine;
  clock: SteppedClock;
  program: readonly Declared[];
  /** What a person says of a contract of which nothing else says where its results go. */
  order: CopyOutOrder;
  /** A provider process of its own for each thing that is run. */
  start: () => Process;
}

export interface Reconciled {
  /** What was lost or parked, for people: empty when state and account agreed. */
  found: string[];
  failures: string[];
}

/** The command, from its own parts, on what the engine of the run holds. */
export async function reconcile(request: ReconcileRequest): Promise<Reconciled> {
  const { engine, clock, program, start } = request;
  const process = start();
  const during = <T>(work: () => Promise<T>): Promise<T> => clock.during(process.life, work);
  const look = (remembered: readonly KnownResource[]) =>
    during(() => lookAt(process.context, knowledgeOf(request, remembered)));
  const remembered = [...recordedIn(engine), ...pendingIn(engine)];
  const first = await look([]);
  const plan = planOf(first, ALL);
  if (plan.steps.length === 0) return { found: [], failures: [] };
  const failures = messagesOf(await engine.refresh(start()));
  engine.begun.clear();
  let now = await look(remembered);
  if (adoptable(now).length > 0) {
    failures.push(...messagesOf(await engine.up(start(), program)));
    now = await look(remembered);
  }
  const agreed = stillAgreed(plan, now, ALL);
  const failed = await during(() => destroyAll(process.context, now, agreed, orderFor(request, now)));
  failures.push(...failed.map(({ id, message }) => `${id}: ${message}`));
  return { found: plan.steps, failures };
}

async function lookAt(context: Context, known: StackKnowledge): Promise<Findings> {
  const { observed } = await survey(context, async () => known);
  return classify(observed, known);
}

function knowledgeOf({ engine, program }: ReconcileRequest, remembered: readonly KnownResource[]): StackKnowledge {
  const outputsOf = (name: string): Props => engine.state.get(name)?.outputs ?? {};
  return {
    markPrefix: stackMarkPrefix(STACK),
    recorded: recordedIn(engine),
    pending: pendingIn(engine),
    program: program.map(({ name, kind, inputs }) => known(name, kind, inputs(outputsOf))),
    remembered,
  };
}

function recordedIn({ state }: Engine): KnownResource[] {
  return [...state.values()].map(({ name, kind, id, outputs }) => ({ ...known(name, kind, outputs), id }));
}

function pendingIn({ begun }: Engine): KnownResource[] {
  return [...begun].map(([name, { kind, inputs }]) => known(name, kind, inputs));
}

function known(name: string, kind: Kind, props: Props): KnownResource {
  return { urn: name, type: TYPES[kind], props };
}

/** A person names target and paths only where the command has to ask for them. */
function orderFor({ order }: ReconcileRequest, { orphans }: Findings): CopyOutOrder {
  return orphans.some(({ mayHaveRun, copyOut }) => mayHaveRun && !copyOut) ? order : {};
}

function messagesOf(errors: ReadonlyMap<string, Error>): string[] {
  return [...errors].map(([name, error]) => `${name}: ${error.message}`);
}
