import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { markOf } from "pulumi-vast/internal/lifecycle/mark";
import type { KillOptions } from "./commands/kill.ts";
import { withPrefix } from "./fleet/read.ts";
import { describeBilling, stillBilling } from "./kill/billing.ts";
import { destroyChosen, type Killed } from "./kill/destroy.ts";
import { destroyThroughGate } from "./kill/gate.ts";
import { typed } from "./options.ts";
import { openSession, type Session } from "./session.ts";
import { confirmed, EXIT, printJson, UsageError } from "./terminal.ts";

export async function kill(prefix: string | undefined, options: KillOptions): Promise<number> {
  const session = await openSession(options);
  if (options.account !== undefined) await assertAccount(session, options.account);
  const choose = await chooser(session, prefix, options);
  if (!(await confirmed(questionOf(session, prefix, options), options.yes))) return EXIT.partial;
  const problems = await keepDown(session, prefix, options);
  const killed = options.copyOut ? await throughGate(session, prefix) : await destroyChosen(session.context, choose);
  session.log(
    `${killed.destroyed.length} contracts destroyed in ${Math.round(killed.seconds)} s, ${killed.left.length} left.`,
  );
  // The meter first: the state can wait for an engine.
  problems.push(...killed.errors, ...(await reconciled(session)));
  const billing = await stillBilling(session.context);
  session.record.append({
    what: "kill",
    why: typed(),
    contracts: killed.destroyed,
    after: { left: killed.left, copiedOut: options.copyOut === true, billing },
    dphAfter: billing.reduce((sum, { dph }) => sum + dph, 0),
    seconds: Math.round(killed.seconds),
    outcome: killed.left.length + problems.length === 0 ? "ok" : "partial",
    ...(problems.length > 0 ? { error: problems.join("\n") } : {}),
  });
  for (const problem of problems) session.log(`error: ${problem}`);
  if (options.json) printJson({ stack: session.stack.name, ...killed, errors: problems, stillBilling: billing });
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

/** By the stack's mark; what was adopted without one is told by the state, where that can be had quickly. */
async function chooser(
  { stack, log }: Session,
  prefix: string | undefined,
  { account }: KillOptions,
): Promise<(row: InstanceRow) => boolean> {
  if (account !== undefined) return () => true;
  const recorded = await stack.knowledge().then(
    (known) => new Set(known.recorded.filter(({ type }) => type === "Instance").map(({ id }) => Number(id))),
    (error: Error) => {
      log(`The state cannot be read, contracts are told by their mark alone: ${error.message}`);
      return new Set<number>();
    },
  );
  const ours = (row: InstanceRow) => recorded.has(row.id) || markOf(row)?.startsWith(stack.markPrefix) === true;
  return (row) => ours(row) && matchesPrefix(row.label ?? "", prefix);
}

function questionOf({ stack }: Session, prefix: string | undefined, { account, copyOut }: KillOptions): string {
  const what =
    account !== undefined
      ? `EVERY contract of account ${account}, also of other stacks and people`
      : `every contract of stack ${stack.name}${prefix === undefined ? "" : ` whose label begins with "${prefix}"`}`;
  const how = copyOut
    ? "Results are copied out first; what cannot be copied is kept."
    : "NOTHING IS COPIED OUT: what is on their disks is lost.";
  return `Destroy ${what} now. ${how}`;
}

/** Else the next `up`, or a monitor, rents them again. Answers what went wrong: it is no reason to let the meter run. */
async function keepDown({ stack }: Session, prefix: string | undefined, { account }: KillOptions): Promise<string[]> {
  try {
    const fleets = Object.entries(stack.fleets.read()).filter(
      ([name, { workers }]) => workers > 0 && (account !== undefined || matchesPrefix(name, prefix)),
    );
    if (fleets.length > 0) await stack.fleets.change(fleets.map(([fleet]) => ({ fleet, path: ["workers"], value: 0 })));
    return [];
  } catch (error) {
    return [`the config still wants its workers, so an up rents them again: ${(error as Error).message}`];
  }
}

async function throughGate(session: Session, prefix: string | undefined): Promise<Killed> {
  const all = await session.fleets();
  const orphans = all.findings.orphans.filter(({ row }) => matchesPrefix(row.label ?? "", prefix));
  return destroyThroughGate(session.context, withPrefix(all, prefix), orphans);
}

async function reconciled({ stack, log }: Session): Promise<string[]> {
  log("Bringing the state up to date (a refresh) …");
  return stack.refresh(log).then(
    () => [],
    (error: Error) => [`the state still has them (pulumi refresh drops them): ${error.message}`],
  );
}
