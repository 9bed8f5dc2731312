import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { markOf } from "pulumi-vast/internal/lifecycle/mark";
import type { KillOptions } from "./commands/kill.ts";
import type { FleetEdit } from "./fleet/config.ts";
import { withPrefix } from "./fleet/read.ts";
import { describeBilling, stillBilling } from "./kill/billing.ts";
import { destroyChosen, type Killed, listed, sumOf } from "./kill/destroy.ts";
import { destroyThroughGate } from "./kill/gate.ts";
import { editsToKeepDown, type MemberOf, membersOf } from "./kill/members.ts";
import { refreshOnceFree } from "./kill/refresh.ts";
import { typed } from "./options.ts";
import { openSession, type Session } from "./session.ts";
import { nameOf } from "./stack/state.ts";
import { confirmed, EXIT, printJson, UsageError } from "./terminal.ts";

export async function kill(prefix: string | undefined, options: KillOptions): Promise<number> {
  const session = await openSession(options);
  if (options.account !== undefined) await assertAccount(session, options.account);
  const aim = await aimAt(session, prefix, options);
  if (!(await confirmed(questionOf(session, prefix, options), options.yes))) return EXIT.partial;
  const { edits, problems } = await keepDown(session, prefix, aim);
  const destroy = () =>
    options.copyOut ? throughGate(session, prefix, aim) : destroyChosen(session.context, aim.choose);
  let killed = await destroy();
  session.log(
    `${killed.destroyed.length} contracts destroyed in ${Math.round(killed.seconds)} s, ${killed.left.length} left.`,
  );
  // The meter first: the state can wait for an engine.
  const { more, problem } = await refreshOnceFree(session, destroy);
  killed = sumOf([killed, ...more]);
  problems.push(...killed.errors, ...(problem === undefined ? [] : [problem]));
  const billing = await stillBilling(session.context);
  session.record.append({
    what: "kill",
    why: typed(),
    workers: killed.labels,
    contracts: killed.destroyed,
    after: { left: killed.left, copiedOut: options.copyOut === true, config: edits, billing },
    dphAfter: billing.reduce((sum, { dph }) => sum + dph, 0),
    seconds: Math.round(killed.seconds),
    outcome: killed.left.length + problems.length === 0 ? "ok" : "partial",
    ...(problems.length > 0 ? { error: problems.join("\n") } : {}),
  });
  for (const problem of problems) session.log(`error: ${problem}`);
  if (options.json)
    printJson({ stack: session.stack.name, ...killed, config: edits, errors: problems, stillBilling: billing });
  else console.log(describeBilling(billing));
  return killed.left.length + problems.length === 0 ? EXIT.ok : EXIT.partial;
}

/** The e-mail address of the account, typed: what its console shows as its name. */
async function assertAccount({ context }: Session, name: string): Promise<void> {
  const { email, id } = await context.account();
  if (name === (email ?? String(id))) return;
  throw new UsageError(
    `--account: "${name}" is not the name of this key's account; nothing was destroyed. Type the e-mail address it is registered with${email ? "" : ` (it has none: its id, ${id})`}`,
  );
}

interface Aim {
  choose(row: InstanceRow): boolean;
  memberOf: MemberOf;
}

/**
 * By the stack's mark; what was adopted without one is told by the state, where that can be had quickly. A prefix is that of
 * a label, or of the fleet a contract was rented for, whatever its label is now.
 */
async function aimAt({ stack, log }: Session, prefix: string | undefined, { account }: KillOptions): Promise<Aim> {
  const recorded = await stack.knowledge().then(
    (known) =>
      new Map(known.recorded.filter(({ type }) => type === "Instance").map(({ id, urn }) => [Number(id), nameOf(urn)])),
    (error: Error) => {
      log(`The state cannot be read, contracts are told by their mark alone: ${error.message}`);
      return new Map<number, string>();
    },
  );
  const memberOf = membersOf(readable(() => stack.fleets.read()) ?? {}, stack.identity, recorded);
  const ours = (row: InstanceRow) => recorded.has(row.id) || markOf(row)?.startsWith(stack.markPrefix) === true;
  const named = (row: InstanceRow) =>
    [row.label ?? "", memberOf(row)?.fleet ?? ""].some((name) => matchesPrefix(name, prefix));
  return { choose: (row) => account !== undefined || (ours(row) && named(row)), memberOf };
}

/** A config that cannot be read stops no emergency; that the workers are still wanted in it is told later. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function questionOf({ stack }: Session, prefix: string | undefined, { account, copyOut }: KillOptions): string {
  const what =
    account !== undefined
      ? `EVERY contract of account ${account}, also of other stacks and people`
      : `every contract of stack ${stack.name}${prefix === undefined ? "" : ` whose fleet or label is "${prefix}" or begins with "${prefix}-"`}`;
  const how = copyOut
    ? "Results are copied out first; what cannot be copied is kept."
    : "NOTHING IS COPIED OUT: what is on their disks is lost.";
  const config = `The stack's config then asks for ${prefix === undefined ? "no workers" : "none of them"} any more, so that no later up rents them again.`;
  return `Destroy ${what} now. ${how}\n${config}`;
}

interface KeptDown {
  edits: FleetEdit[];
  /** What went wrong: it is no reason to let the meter run. */
  problems: string[];
}

/** Before anything is destroyed: a monitor that finds a worker gone rents it again at once. */
async function keepDown(
  { stack, context, log }: Session,
  prefix: string | undefined,
  { choose, memberOf }: Aim,
): Promise<KeptDown> {
  try {
    const fleets = stack.fleets.read();
    const chosen = prefix === undefined ? [] : await listed(context, choose);
    const members = chosen.flatMap((row) => memberOf(row) ?? []);
    const edits = editsToKeepDown(fleets, prefix, members);
    if (edits.length > 0) await stack.fleets.change(edits);
    for (const { fleet, path, value } of edits)
      if (path[0] === "workers") log(`Fleet ${fleet} has ${value} workers in the config from now on.`);
    return { edits, problems: [] };
  } catch (error) {
    return {
      edits: [],
      problems: [`the config still wants its workers, so an up rents them again: ${(error as Error).message}`],
    };
  }
}

async function throughGate(session: Session, prefix: string | undefined, { choose }: Aim): Promise<Killed> {
  const all = await session.fleets();
  const orphans = all.findings.orphans.filter(({ row }) => choose(row));
  return destroyThroughGate(session.context, withPrefix(all, prefix), orphans);
}
