import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { atMost, conclude, machine, mib, table } from "./figures.ts";
import { FleetLife } from "./fleet-life.ts";
import { must } from "./http.ts";
import { type Difference, LedgerAudit } from "./ledger-audit.ts";
import { errorsIn } from "./log-errors.ts";
import { objectSink } from "./object-sink.ts";
import type { Usage } from "./probe.ts";
import { type SimulatorProcess, startSimulatorProcess } from "./simulator-process.ts";

export interface SoakOptions {
  hours: number;
  instances: number;
  speed: number;
  json?: string;
}

const HOUR_S = 3600;
const TICK_S = 120;
/** The heap of this hour is what the end is compared with: by then the fleet has its size. */
const BASE_HOUR = 4;
const HEAP_RATIO_LIMIT = 1.2;
/** A running clock moves between an event's record and the meter's change: parts of a second at this speed. */
const LEDGER_TOLERANCE = 1e-4;
const LAST_COPY_S = 900;

interface Sample extends Usage {
  hour: number;
  instances: number;
}

export async function soak(options: SoakOptions): Promise<void> {
  const startedMs = performance.now();
  const before = machine();
  const dir = mkdtempSync(join(tmpdir(), "vast-soak-"));
  const log = join(dir, "simulator.log");
  try {
    const outcome = await live(options, log);
    const errors = await errorsIn(log);
    const { load1: _, ...host } = machine();
    const loads = [before.load1, machine().load1];
    report({ ...outcome, errors, host: { ...host, loads }, wallS: (performance.now() - startedMs) / 1000 }, options);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function live(options: SoakOptions, log: string) {
  await using sink = await objectSink();
  await using simulator = await startSimulatorProcess({
    "--offers": Math.max(600, options.instances * 15),
    "--market": "live",
    "--credit": 1e6,
    "--speed": options.speed,
    "--log": log,
  });
  const { id: connection } = await must(simulator.admin, "POST", "/admin/connections", {
    name: "soak",
    endpoint: sink.url,
    accessKeyId: "soak",
    secretAccessKey: "soak",
  });
  const audit = new LedgerAudit();
  const fleet = new FleetLife({ simulator, audit, connection, instances: options.instances, speed: options.speed });
  const samples = await hours(simulator, fleet, audit, options);
  // Those created since the last list are in the books too.
  await fleet.list();
  const ledger = await compareBooks(simulator, audit);
  return { samples, done: Object.fromEntries(fleet.done), wrong: fleet.wrong, ledger, objects: sink.objects() };
}

async function hours(
  simulator: SimulatorProcess,
  fleet: FleetLife,
  audit: LedgerAudit,
  { hours: total, speed }: SoakOptions,
): Promise<Sample[]> {
  const clock = async (): Promise<number> => (await must(simulator.admin, "GET", "/admin/clock")).now;
  const start = await clock();
  const samples: Sample[] = [];
  let seenTo = 0;
  for (let last = start; ; ) {
    const now = await clock();
    const elapsedS = now - last;
    if (elapsedS < TICK_S) {
      await pause(((TICK_S - elapsedS) / speed) * 1000);
      continue;
    }
    last = now;
    const instances = await fleet.tick(now, elapsedS, now < start + total * HOUR_S - LAST_COPY_S);
    const hour = Math.floor((now - start) / HOUR_S);
    if (hour <= (samples.at(-1)?.hour ?? 0)) continue;
    audit.take(await must(simulator.admin, "GET", `/admin/events?since=${seenTo}`));
    seenTo = now;
    samples.push({ hour, instances, ...(await simulator.usage(true)) });
    if (hour >= total) return samples;
  }
}

/** With the clock at rest, so that both books speak of the same moment. */
async function compareBooks(simulator: SimulatorProcess, audit: LedgerAudit) {
  const { admin } = simulator;
  const { now } = await must(admin, "POST", "/admin/clock", { pause: true });
  audit.take(await must(admin, "GET", "/admin/events"));
  const bill = await must(admin, "GET", "/admin/bill");
  const state = await must(admin, "GET", "/admin/state");
  const differences = audit.compare(now, bill.byInstance);
  const sum = (side: "expected" | "ledger"): number => differences.reduce((total, d) => total + d[side], 0);
  const worst = differences.toSorted((a, b) => offBy(b) - offBy(a))[0];
  return {
    events: audit.events,
    contracts: differences.length / 3,
    expectedUsd: sum("expected"),
    ledgerUsd: sum("ledger"),
    relative: Math.abs(sum("ledger") - sum("expected")) / sum("expected"),
    worst,
    /** The account's own view of what it spent, against the sum of all entries. */
    spentUsd: state.accounts[0].spent as number,
    billUsd: bill.totalUsd as number,
  };
}

function offBy({ expected, ledger }: Difference): number {
  return Math.abs(expected - ledger);
}

interface Outcome extends Awaited<ReturnType<typeof live>> {
  errors: string[];
  host: Record<string, unknown>;
  wallS: number;
}

function report(outcome: Outcome, { json, ...options }: SoakOptions): void {
  const { samples, done, wrong, ledger, errors, wallS } = outcome;
  table(
    ["hour", "instances", "heap MiB", "outside the heap MiB", "rss MiB", "CPU s"],
    samples
      .filter(({ hour }) => hour % 4 === 0 || hour === samples.at(-1)?.hour)
      .map((s) => [
        s.hour,
        s.instances,
        mib(s.heapBytes),
        mib(s.externalBytes),
        mib(s.rssBytes),
        Math.round(s.cpuMs / 1000),
      ]),
  );
  console.log(
    Object.entries(done)
      .map(([name, times]) => `${name} ${times}`)
      .join(", "),
  );
  console.log(
    `${ledger.contracts} contracts, ${ledger.events} events, $${ledger.ledgerUsd.toFixed(2)}; ` +
      `${errors.length + wrong.length} errors; ${Math.round(wallS)} s of wall time`,
  );
  for (const line of [...errors, ...wrong].slice(0, 5)) console.log(line.slice(0, 600));
  const base = samples.find(({ hour }) => hour >= Math.min(BASE_HOUR, options.hours)) as Sample;
  const last = samples.at(-1) as Sample;
  // V8 drops compiled code of the start-up some hours later, which would hide as much growth: the least counts, too.
  const least = Math.min(...samples.filter(({ hour }) => hour >= base.hour).map(({ heapBytes }) => heapBytes));
  const ratio = (bytes: number): number => Math.round((last.heapBytes / bytes) * 1000) / 1000;
  const targets = [
    atMost(`heap at ${last.hour} h / heap at ${base.hour} h`, ratio(base.heapBytes), HEAP_RATIO_LIMIT),
    atMost(`heap at ${last.hour} h / least heap since`, ratio(least), HEAP_RATIO_LIMIT),
    atMost("errors", errors.length + wrong.length, 0),
    atMost("ledger against integral, relative", Number(ledger.relative.toPrecision(2)), LEDGER_TOLERANCE),
    atMost("spent against bill, $", Math.abs(Number((ledger.spentUsd - ledger.billUsd).toFixed(6))), 1e-4),
  ];
  conclude({ bench: "soak", options, ...outcome }, targets, json);
}
