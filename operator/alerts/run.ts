import { join } from "node:path";
import { markOf } from "pulumi-vast/internal/lifecycle/mark";
import type { AlertsOptions } from "../commands/alerts.ts";
import { openSession, type Session } from "../session.ts";
import { fleetOf } from "../spend/fleet-of.ts";
import { chargesIn, look, spansOf, spentBySource } from "../spend/meter.ts";
import { stateFile } from "../state-file.ts";
import { coloured, EXIT, printJson, table } from "../terminal.ts";
import { readYaml } from "../yaml-file.ts";
import { deliver } from "./deliver.ts";
import { type Alert, type AlertMemory, type AlertRules, alertMemorySchema, alertsFor, alertsSchema } from "./rules.ts";

interface Told extends Alert {
  outcome: "delivered" | "failed" | "shown";
  error?: string;
}

export async function alerts(action: "check" | "test" | "show", options: AlertsOptions): Promise<number> {
  const rules = readYaml(options.file ?? join(options.cwd, "stacks/alerts.yaml"), alertsSchema).vast_alerts;
  if (action === "show") return show(rules, options);
  const session = await openSession(options);
  const told = action === "test" ? await test(session, rules) : await check(session, rules, options);
  if (options.json) printJson({ stack: session.stack.name, alerts: told });
  else if (told.length === 0) console.log("Nothing to tell.");
  else console.log(told.map(lineOf).join("\n"));
  return told.some(({ outcome }) => outcome === "failed") ? EXIT.partial : EXIT.ok;
}

async function check(session: Session, rules: AlertRules, { dryRun }: AlertsOptions): Promise<Told[]> {
  const file = session.record.file.replace(/\.jsonl$/, ".alerts.json");
  return stateFile(file, alertMemorySchema).use(async (before, keep) => {
    const { observation, contracts } = await observe(session, before);
    const { alerts: due, memory } = alertsFor(rules, observation, { ...before, contracts });
    if (dryRun) return due.map((alert) => ({ ...alert, outcome: "shown" as const }));
    await keep(memory);
    const told: Told[] = [];
    const sent = [...memory.sent];
    for (const alert of due) {
      const result = await tell(session, rules, alert);
      told.push(result);
      // What was not delivered is due again at the next check.
      if (result.outcome === "delivered") sent.push({ key: alert.key, atS: Math.round(observation.nowS) });
      await keep({ ...memory, sent });
    }
    return told;
  });
}

async function observe(session: Session, before: AlertMemory) {
  const all = await session.fleets();
  const nowS = session.clock.nowS();
  const rows = [...all.rows.values()].filter((row) => markOf(row)?.startsWith(all.known.markPrefix));
  const contracts = look(before.contracts, rows, nowS);
  const { day } = spansOf(nowS);
  const names = all.fleets.map(({ name }) => name);
  const own = new Set(rows.map(({ id }) => `instance-${id}`));
  const spentToday = new Map<string, number>();
  for (const [source, { usd, label }] of spentBySource(
    contracts,
    await chargesIn(session.context.transport, day),
    day,
    nowS,
  )) {
    const fleet = fleetOf(label, names) ?? (own.has(source) ? "none" : undefined);
    if (fleet !== undefined) spentToday.set(fleet, (spentToday.get(fleet) ?? 0) + usd);
  }
  const workers = all.workers.map(({ label, fleet, condition }) => ({ label, fleet, condition }));
  return { observation: { nowS, workers, spentToday }, contracts };
}

function test(session: Session, rules: AlertRules): Promise<Told[]> {
  const key = `test:${Math.round(session.clock.nowS())}`;
  return Promise.all(
    Object.keys(rules).map((rule) =>
      tell(session, rules, {
        key,
        rule,
        text: `test of alert ${rule} of stack ${session.stack.name}`,
        facts: { test: true },
      }),
    ),
  );
}

async function tell(session: Session, rules: AlertRules, alert: Alert): Promise<Told> {
  const rule = rules[alert.rule];
  if (!rule) return { ...alert, outcome: "failed", error: "its rule is gone" };
  let outcome: Told;
  try {
    await deliver(rule.webhook, rule.headers, alert, (seconds) => session.clock.wait(seconds, session.signal));
    outcome = { ...alert, outcome: "delivered" };
  } catch (error) {
    outcome = { ...alert, outcome: "failed", error: (error as Error).message };
    session.log(`error: ${outcome.error}`);
  }
  session.record.append({
    what: "alert",
    why: alert.text,
    ...(typeof alert.facts.label === "string" ? { workers: [alert.facts.label] } : {}),
    ...(outcome.error === undefined ? {} : { outcome: "failed" as const, error: outcome.error }),
  });
  return outcome;
}

function lineOf({ outcome, text, error }: Told): string {
  const word = coloured(outcome === "failed" ? "red" : "green", outcome);
  return `${word}: ${text}${error === undefined ? "" : `\n  ${error}`}`;
}

/** Addresses of webhooks are often all the secret there is: their host is shown. */
function show(rules: AlertRules, { json }: AlertsOptions): number {
  const rows = Object.entries(rules).map(([name, rule]) => ({
    name,
    when:
      "threshold" in rule
        ? `a worker is unhealthy ${rule.threshold} times in a row`
        : `a day costs $${rule.daily_threshold.toFixed(2)}`,
    fleet: rule.fleet ?? null,
    receiver: new URL(rule.webhook).host,
  }));
  if (json) printJson({ alerts: rows });
  else if (rows.length === 0) console.log("There are no rules: stacks/alerts.yaml has an example of each kind.");
  else
    console.log(
      table(
        ["Alert", "When", "Fleet", "Receiver"],
        rows.map(({ name, when, fleet, receiver }) => [name, when, fleet ?? "all", receiver]),
      ),
    );
  return EXIT.ok;
}
