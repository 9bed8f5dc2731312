import type { CopyOutOrder } from "../../provider/lifecycle/reconcile/settle.ts";
import { blockOf } from "./blocks.ts";
import { type Engine, type Process, SkippedError } from "./engine.ts";
import { LEFT_TO_RECONCILE } from "./figures.ts";
import { judgeAccount, judgeHistory } from "./judge.ts";
import { judgeRestored } from "./judge-restore.ts";
import { OUT, type Place, PREFIX, type Program } from "./program.ts";
import { reconcile } from "./reconcile.ts";
import type { Results } from "./results.ts";
import type { RunLog } from "./run-log.ts";
import type { RunWorld } from "./run-world.ts";
import type { RunBucket } from "./storage.ts";

/** A run whose faults are over. */
export interface Aftermath {
  world: RunWorld;
  log: RunLog;
  engine: Engine;
  program: Program;
  results: Results;
  bucket: RunBucket | undefined;
  place: Place | undefined;
  /** Two providers were at work at once, or a list left a contract out: both may have rented, and both may be left. */
  raced: boolean;
  start: () => Process;
}

/** In a live market a host may go again while a destroy is under way. */
const DESTROY_TRIES = 3;
/** A provider that died between the rental of a volume and its first record: nobody can tell that nothing is on it. */
const BY_DESIGN = /may have been used before its record/;

/** Everything works again; one up, and reconcile where that finds something. */
export async function recover(after: Aftermath): Promise<void> {
  const { world, log, engine, program, bucket, start } = after;
  await Promise.all(engine.orphans);
  await world.admin("DELETE", "/faults");
  await bringHostsBack(world);
  await world.clock.pass(900);
  log.say("everything works again: up");
  if (judgeUp(log, await engine.up(start(), program.declared()))) {
    log.say("up again, as its message says");
    if (judgeUp(log, await engine.up(start(), program.declared())))
      log.violation("the next up does not settle what the one before said that it would");
  }
  await reconcileOnce(after);
  await world.clock.pass(10);
  log.violation(...(await judgeAccount(world, engine.state, bucket)));
  if (bucket === undefined) return;
  const objects = await bucket.objects();
  log.violation(...(await judgeRestored({ world, state: engine.state, objects, written: after.results.written })));
}

/** @returns whether a message promises that the next `up` settles it */
function judgeUp(log: RunLog, errors: ReadonlyMap<string, Error>): boolean {
  let again = false;
  for (const [name, { message }] of unskipped(errors)) {
    const block = blockOf(message);
    if (block === undefined) log.violation(`up fails although everything works: ${name}: ${message}`);
    else log.report.unrepaired.push(block.reason);
    again ||= block?.upAgain ?? false;
  }
  return again;
}

/** What no up asks for any more: contracts of resources that left the program, of providers that lived on, parked ones. */
async function reconcileOnce({ world, log, engine, program, place, start }: Aftermath): Promise<void> {
  await bringHostsBack(world);
  const { clock } = world;
  const { found, failures } = await reconcile({
    engine,
    clock,
    program: program.declared(),
    order: orderOf(place),
    start,
  });
  if (found.length === 0) return;
  log.say(`reconcile: ${found.join(" ")}`);
  log.count(LEFT_TO_RECONCILE);
  log.violation(...failures.map((failure) => `reconcile fails: ${failure}`));
}

function orderOf(place: Place | undefined): CopyOutOrder {
  return place
    ? { target: { ...place, prefix: PREFIX }, paths: [OUT] }
    : { waive: "nothing of value is made in this run" };
}

export async function destroyAll(after: Aftermath): Promise<void> {
  const { world, log, engine, results, bucket, raced, start } = after;
  log.say("destroy");
  let errors = new Map<string, Error>();
  for (let tries = 0; tries < DESTROY_TRIES; tries += 1) {
    await bringHostsBack(world);
    errors = await engine.destroy(start());
    if (errors.size === 0) break;
  }
  const left = unskipped(errors).filter(([, { message }]) => !BY_DESIGN.test(message));
  log.violation(
    ...left.map(([name, { message }]) => `destroy leaves ${name}: ${message}`),
    ...(await judgeAccount(world, engine.state, bucket)),
    ...(await judgeHistory({ world, bucket, written: results.written, messages: log.report.messages, raced })),
  );
}

/** What failed itself, not for something that it depends on. */
function unskipped(errors: ReadonlyMap<string, Error>): [string, Error][] {
  return [...errors].filter(([, error]) => !(error instanceof SkippedError));
}

async function bringHostsBack(world: RunWorld): Promise<void> {
  const machines = await world.admin<{ id: number; online: boolean }[]>("GET", "/machines");
  for (const { id, online } of machines) if (!online) await world.admin("POST", `/machines/${id}/online`);
}
