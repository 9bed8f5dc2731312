import { writeFileSync } from "node:fs";
import type { ReportOptions } from "../commands/report.ts";
import type { Worker } from "../fleet/read.ts";
import { openSession, type Session } from "../session.ts";
import { fleetOf } from "../spend/fleet-of.ts";
import { chargesIn } from "../spend/meter.ts";
import { coloured, EXIT, printJson, table } from "../terminal.ts";
import { type Cost, type Material, type Report, reportOf } from "./figures.ts";
import { page } from "./page.ts";
import { takeSamples, teamOf } from "./sample.ts";
import { appendSamples, readSamples } from "./samples.ts";
import { headlines, markdown, sections, titleOf } from "./text.ts";

const DAY_S = 86_400;

export async function report(options: ReportOptions): Promise<number> {
  const session = await openSession(options);
  const file = session.record.file.replace(/\.jsonl$/, ".samples.jsonl");
  if (options.sample) {
    const samples = await takeSamples(session, options.units);
    appendSamples(file, samples);
    if (options.json) printJson({ stack: session.stack.name, samples });
    else console.log(`${samples.length} ${samples.length === 1 ? "worker" : "workers"} noted in ${file}`);
    return EXIT.ok;
  }
  const result = reportOf(await gather(session, file, options));
  if (options.markdown) writeFileSync(options.markdown, markdown(result));
  if (options.html) writeFileSync(options.html, page(result));
  if (options.json) printJson(result);
  else if (!options.markdown && !options.html) print(result);
  for (const written of [options.markdown, options.html]) if (written) session.log(`written: ${written}`);
  return EXIT.ok;
}

async function gather(session: Session, file: string, options: ReportOptions): Promise<Material> {
  const toS = options.to ?? session.clock.nowS();
  const fromS = options.from ?? Math.floor(toS / DAY_S) * DAY_S - (options.days - 1) * DAY_S;
  const all = await session.fleets();
  const fleets = all.fleets.map(({ name }) => name);
  const team = teamOf(session);
  const workers = new Map(all.workers.map((worker) => [`instance-${worker.contract}`, worker]));
  const mine = ({ source, label }: Cost) => workers.has(source) || fleetOf(label, fleets) !== undefined;
  const { actions } = session.record.read({ since: fromS, until: toS });
  const counts = Object.groupBy(actions, ({ what }) => what);
  return {
    stack: session.stack.name,
    fromS,
    toS,
    unit: options.unit,
    costs: (await costsIn(session, fromS, toS)).filter(mine),
    samples: readSamples(file, { fromS, toS }),
    removals: actions
      .filter(({ what }) => ["autoscale", "scale", "down", "shutdown", "kill"].includes(what))
      .flatMap(({ at, workers: labels }) => labels.map((label) => ({ label, atS: Date.parse(at) / 1000 }))),
    factsOf: (cost) => ({ team: team(workers.get(cost.source)), ...factsOf(cost, workers.get(cost.source), fleets) }),
    actions: Object.fromEntries(Object.entries(counts).map(([what, some]) => [what, some?.length ?? 0])),
  };
}

function factsOf({ label }: Cost, worker: Worker | undefined, fleets: readonly string[]) {
  const fleet = worker?.fleet ?? fleetOf(label, fleets);
  return { ...(fleet ? { fleet } : {}), ...(worker?.machine ? { gpu: worker.machine.gpu } : {}) };
}

/** Day by day: a charge over several days does not say which of them cost what. */
async function costsIn({ context, log }: Session, fromS: number, toS: number): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (let day = Math.floor(fromS / DAY_S) * DAY_S; day < toS; day += DAY_S) {
    const name = new Date(day * 1000).toISOString().slice(0, 10);
    log(`Charges of ${name} …`);
    for (const { source, amount, metadata } of await chargesIn(context.transport, { fromS: day, toS: day }))
      costs.push({ day: name, source, label: metadata?.label ?? "", usd: amount });
  }
  return costs;
}

function print(result: Report): void {
  console.log(coloured("bold", titleOf(result)));
  console.log(
    headlines(result)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  );
  for (const { title, head, rows } of sections(result)) console.log(`\n${title}\n${table(head, rows)}`);
  console.log(`\n${result.notes.join("\n")}`);
}
