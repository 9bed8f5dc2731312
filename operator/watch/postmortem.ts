import { writeFileSync } from "node:fs";
import { usd } from "pulumi-vast/internal/fleet/place";
import type { CommonOptions } from "../options.ts";
import type { Action } from "../record.ts";
import { openSession } from "../session.ts";
import { EXIT, printJson, progress, UsageError } from "../terminal.ts";
import { entryOf, REPAIRS, type WatchEntry } from "./memory.ts";
import { ruleFor } from "./rules.ts";
import type { Sign } from "./sight.ts";

export interface PostmortemOptions extends CommonOptions {
  since?: string;
  until?: string;
  out?: string;
}

export interface IncidentReport {
  worker: string;
  sign: Sign;
  /** Epoch seconds at which it was first seen, and at which the worker was seen to work again. */
  beganS: number;
  endedS: number | undefined;
  contractBefore: number | undefined;
  contractAfter: number | undefined;
  machine: number | undefined;
  /** USD billed for the worker while it did not work, at its price. */
  cost: number;
  actions: WatchEntry[];
}

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

export async function postmortem(prefix: string | undefined, options: PostmortemOptions): Promise<number> {
  const session = await openSession(options);
  // A simulator's time may be ahead of this machine's, and nothing here asks it.
  const times = session.record.read().actions.map(({ at }) => Date.parse(at) / 1000);
  const nowS = times.reduce((latest, atS) => Math.max(latest, atS), session.clock.nowS());
  const range = {
    since: options.since === undefined ? nowS - DAY_S : instant(options.since),
    until: options.until === undefined ? nowS + 1 : instant(options.until),
  };
  const { actions } = session.record.read({ ...range, ...(prefix === undefined ? {} : { prefix }) });
  const incidents = incidentsOf(actions.flatMap((action) => entryOf(action) ?? []));
  const text = options.json
    ? undefined
    : markdown({ stack: session.stack.name, prefix, range, incidents, outages: outagesOf(actions) });
  if (text === undefined) printJson({ stack: session.stack.name, ...range, incidents });
  else if (options.out === undefined) process.stdout.write(text);
  else {
    writeFileSync(options.out, text);
    progress(`${incidents.length} incidents in ${options.out}`);
  }
  return EXIT.ok;
}

function instant(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new UsageError(`"${text}" is no time: write it like 2026-11-24T06:00:00Z`);
  return ms / 1000;
}

/** Signs of a worker that is well, or on its way. */
const WELL: ReadonlySet<Sign> = new Set([
  "running",
  "progress",
  "asleep",
  "past-expiry",
  "setup",
  "boot",
  "unknown-log",
]);

/** From the first sign of trouble to the first sign of a worker that runs; what was done in between belongs to it. */
export function incidentsOf(entries: readonly WatchEntry[]): IncidentReport[] {
  const incidents: IncidentReport[] = [];
  const open = new Map<string, IncidentReport>();
  for (const entry of entries) {
    const current = open.get(entry.worker);
    if (entry.what === "seen" && WELL.has(entry.sign)) {
      if (current) close(current, entry);
      open.delete(entry.worker);
    } else if (entry.what !== "progress") {
      const incident = current ?? begin(entry);
      if (!current) incidents.push(incident);
      open.set(entry.worker, incident);
      if (entry.what !== "seen") incident.actions.push(entry);
    }
  }
  return incidents;
}

function begin({ worker, sign, atS, contract, machine }: WatchEntry): IncidentReport {
  return {
    worker,
    sign,
    beganS: atS,
    endedS: undefined,
    contractBefore: contract,
    contractAfter: undefined,
    machine,
    cost: 0,
    actions: [],
  };
}

function close(incident: IncidentReport, { atS, contract }: WatchEntry): void {
  incident.endedS = atS;
  incident.contractAfter = contract;
  const dph = incident.actions.find(({ dphBefore }) => dphBefore !== undefined)?.dphBefore ?? 0;
  incident.cost = (dph * (atS - incident.beganS)) / HOUR_S;
}

function outagesOf(actions: readonly Action[]): number {
  return actions.filter(({ what }) => what === "outage").length;
}

interface Report {
  stack: string;
  prefix: string | undefined;
  range: { since: number; until: number };
  incidents: readonly IncidentReport[];
  outages: number;
}

export function markdown({ stack, prefix, range, incidents, outages }: Report): string {
  const workers = new Set(incidents.map(({ worker }) => worker));
  const cost = incidents.reduce((sum, incident) => sum + incident.cost, 0);
  const open = incidents.filter(({ endedS }) => endedS === undefined).length;
  const head = [
    `# Incident report: stack ${stack}${prefix === undefined ? "" : `, ${prefix}`}`,
    "",
    `- **Time**: ${at(range.since)} to ${at(range.until)}`,
    `- **Impact**: ${incidents.length} incidents, ${workers.size} workers, ${usd(cost)} billed while they did not work${open > 0 ? `, ${open} not over` : ""}`,
    ...(outages > 0 ? [`- **Outages of the service**: ${outages}; nothing was concluded or changed meanwhile`] : []),
    "",
  ];
  if (incidents.length === 0) return [...head, "Nothing was recorded.", ""].join("\n");
  const rows = incidents.map(
    ({ worker, sign, beganS, endedS }) =>
      `| ${at(beganS)} | ${worker} | ${ruleFor(sign).why} | ${endedS === undefined ? "not over" : lasted(endedS - beganS)} |`,
  );
  const table = ["| began | worker | what | lasted |", "| --- | --- | --- | --- |", ...rows, ""];
  return [...head, ...table, ...incidents.flatMap(section)].join("\n");
}

function section(incident: IncidentReport): string[] {
  const { worker, sign, beganS, endedS, machine, contractBefore, contractAfter, cost, actions } = incident;
  return [
    `## ${worker}, ${at(beganS)}`,
    "",
    `- **Date**: ${at(beganS)}`,
    `- **Duration**: ${endedS === undefined ? "not over" : lasted(endedS - beganS)}`,
    `- **Impact**: 1 worker, ${usd(cost)}`,
    `- **Root cause**: ${ruleFor(sign).why} (contract ${contractBefore ?? "none"}, machine ${machine ?? "unknown"})`,
    `- **Resolution**: ${resolution(actions, contractBefore, contractAfter)}`,
    `- **Prevention**: ${PREVENTION[sign] ?? "look at the worker's log"}`,
    "",
    ...actions.map(
      ({ atS, what, reason, error }) =>
        `- ${at(atS)} ${what}: ${reason}${error === undefined ? "" : `; failed: ${error}`}`,
    ),
    "",
  ];
}

function resolution(actions: readonly WatchEntry[], before: number | undefined, after: number | undefined): string {
  const last = actions.findLast(({ what }) => REPAIRS.some((repair) => repair === what));
  if (last === undefined) return after === undefined ? "none yet" : "it came back by itself";
  return after === undefined || after === before
    ? "restarted in place"
    : `contract ${after} instead of ${before ?? "none"}`;
}

const PREVENTION: Partial<Record<Sign, string>> = {
  preempted:
    "a higher bid, or on demand; checkpoints often enough that a restart costs little (copyOut.schedule, restoreFrom)",
  offline: "a higher minReliability, verified hosts, onOffline: park",
  gone: "somebody destroyed it outside the stack, or it was never rented: look at the account's audit log",
  queued: "a stopped instance loses its GPU: let it run, or destroy it",
  oom: "minVramGb, or a smaller batch",
  auth: "check the worker's key and what it may do",
  image: "check image and imageLogin",
  "over-price": "maxDph with room, or on demand",
  crashed: "look at the worker's log",
  gpu: "a higher minReliability; report the machine to Vast.ai",
  "no-cuda": "minCuda, or an image with an older CUDA; report the machine to Vast.ai",
  boot: "a smaller image, minInetDown; the machine is excluded from now on",
  setup: "an image that has everything in it; the machine is excluded from now on",
};

function at(epochS: number): string {
  return new Date(epochS * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

function lasted(seconds: number): string {
  return seconds < 90
    ? `${Math.round(seconds)} s`
    : seconds < 2 * HOUR_S
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / HOUR_S).toFixed(1)} h`;
}
