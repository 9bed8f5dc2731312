import { writeFileSync } from "node:fs";
import type { ReportOptions } from "../commands/report.ts";
import type { Fleets, Worker } from "../fleet/read.ts";
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
/** Commands that end workers because somebody wants it. */
const REMOVES: ReadonlySet<string> = new Set(["autoscale", "scale", "down", "reap", "shutdown", "kill"]);

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
  // The list first: its rows tell the service's time.
  const all = await session.fleets();
  const toS = options.to ?? session.clock.nowS();
  const fromS = options.from ?? Math.floor(toS / DAY_S) * DAY_S - (options.days - 1) * DAY_S;
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
      .filter(({ what }) => REMOVES.has(what))
      .flatMap(({ at, workers: labels }) => labels.map((label) => ({ label, atS: Date.parse(at) / 1000 }))),
    factsOf: (cost) => factsOf(cost, workers.get(cost.source), { all, fleets, team }),
    actions: Object.fromEntries(Object.entries(counts).map(([what, some]) => [what, some?.length ?? 0])),
  };
}

interface Known {
  all: Fleets;
  fleets: readonly string[];
  team: ReturnType<typeof teamOf>;
}

function factsOf({ label }: Cost, worker: Worker | undefined, { all, fleets, team }: Known) {
  const fleet = worker?.fleet ?? fleetOf(label, fleets);
  // Of a worker that is gone the others of its fleet tell the team: they have one profile.
  const fellow = worker ?? all.workers.find((other) => fleet !== undefined && other.fleet === fleet);
  return {
    team: team(fellow),
    ...(fleet ? { fleet } : {}),
    ...(worker?.machine ? { gpu: worker.machine.gpu } : {}),
  };
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
