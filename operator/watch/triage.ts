import PQueue from "p-queue";
import { currentUser } from "pulumi-vast/internal/api/account";
import { openBucket } from "pulumi-vast/internal/copy-out/bucket";
import { usd } from "pulumi-vast/internal/fleet/place";
import { z } from "zod";
import { billedDph } from "../billing.ts";
import { type Worker, withPrefix } from "../fleet/read.ts";
import type { CommonOptions } from "../options.ts";
import { openSession, type Session } from "../session.ts";
import { coloured, EXIT, printJson, table } from "../terminal.ts";
import { watchSettings } from "./fleet-choice.ts";
import { readLog } from "./log.ts";
import { ruleFor } from "./rules.ts";
import type { WatchSettings } from "./settings.ts";
import { phaseOf, type Sign, signOf } from "./sight.ts";
import { readWorkerLog, watched } from "./stack-fleet.ts";

/** No log is asked for later: a host may take a minute to upload one, and two minutes are all there is. */
export const WITHIN_S = 55;
/** Wall seconds that there are in any case: a simulator's minute may last half a second. */
const LEAST_S = 20;
const LOGS_AT_ONCE = 32;
const LAST_LINES = 5;

export interface TriageLine {
  worker: string;
  fleet: string | undefined;
  contract: number;
  gpu: string;
  /** USD/h billed now. */
  dph: number;
  /** `ALERT`: something has to be done; `OK`; `UNKNOWN`: its log was not had in time. */
  flag: "ALERT" | "OK" | "UNKNOWN";
  phase: string;
  sign: Sign;
  /** What the rules of repair say to it. */
  meaning: string;
  /** Seconds since the worker last wrote its heartbeat object; null: it never did, or none are configured. */
  heartbeatAge: number | null;
  lastLines: string[];
}

export async function triage(prefix: string | undefined, options: CommonOptions): Promise<number> {
  const session = await openSession(options);
  const settings = watchSettings(session);
  // The service's time is known from its first answer on; what passes till then counts as well.
  const { clock } = session.context;
  const beganS = clock.elapsedS();
  const fleets = await session.fleets();
  const untilS = session.clock.nowS() - (clock.elapsedS() - beganS) + Math.max(WITHIN_S, LEAST_S * clock.scale);
  const account = session.context.transport.call(currentUser);
  const workers = withPrefix(fleets, prefix);
  const lines = await lookAtAll(session, workers, settings, untilS);
  const { credit } = await account;
  // The whole account's: what others rent spends the same money.
  const dph = [...fleets.rows.values()].reduce((sum, row) => sum + billedDph(row), 0);
  const money = { credit: credit ?? null, dph, hoursLeft: credit != null && dph > 0 ? credit / dph : null };
  const seconds = Math.round(clock.elapsedS() - beganS);
  if (options.json) printJson({ stack: session.stack.name, workers: lines, account: money, seconds });
  else print(lines, money, seconds);
  return lines.some(({ flag }) => flag === "ALERT") ? EXIT.partial : EXIT.ok;
}

/** Those that the list already shows to be in trouble first, so that nothing is missing of them when time is up. */
export async function lookAtAll(
  session: Session,
  workers: readonly Worker[],
  settings: WatchSettings,
  untilS: number,
): Promise<TriageLine[]> {
  const queue = new PQueue({ concurrency: LOGS_AT_ONCE });
  const lines = workers.map((worker) => {
    const priority = worker.condition === "running" ? 0 : 1;
    return queue.add(() => lookAt(session, worker, settings, untilS), { priority });
  });
  return Promise.all(lines);
}

async function lookAt(session: Session, worker: Worker, settings: WatchSettings, untilS: number): Promise<TriageLine> {
  const { clock, context } = session;
  const hasLog = worker.row !== undefined && !["offline", "starting", "scheduling"].includes(worker.condition);
  const inTime = clock.nowS() < untilS;
  const [text, heartbeatAge] = await Promise.all([
    hasLog && inTime ? readWorkerLog(context, worker.contract).catch(() => undefined) : undefined,
    inTime ? heartbeatOf(worker, settings, clock.nowS()).catch(() => null) : null,
  ]);
  const sight = {
    worker: watched(worker, worker.fleet ?? ""),
    log: text === undefined ? undefined : readLog(text, settings.patterns),
  };
  const sign = signOf(sight, settings.patterns, clock.nowS());
  const silent = heartbeatAge !== null && settings.heartbeat !== undefined && heartbeatAge > settings.heartbeat.maxAge;
  const isUnseen = hasLog && text === undefined;
  const meaningOf = () => {
    if (silent) return `no heartbeat for ${Math.round(heartbeatAge)} s`;
    if (!FINE.has(sign)) return ruleFor(sign).why;
    return isUnseen ? "its log did not come in time" : "";
  };
  return {
    worker: worker.name,
    fleet: worker.fleet,
    contract: worker.contract,
    gpu: worker.machine?.gpu ?? "",
    dph: worker.dph,
    flag: silent || !FINE.has(sign) ? "ALERT" : isUnseen ? "UNKNOWN" : "OK",
    phase: phaseOf(sight),
    sign,
    meaning: meaningOf(),
    heartbeatAge,
    lastLines: (text ?? "").trim().split("\n").slice(-LAST_LINES),
  };
}

/** Phases that are only wrong when they last. */
const FINE: ReadonlySet<Sign> = new Set(["running", "progress", "setup", "boot", "asleep", "unknown-log"]);

const heartbeatSchema = z.object({ at: z.iso.datetime({ offset: true }) });

/** Seconds since the worker wrote its heartbeat: an object in its copy-out bucket, `{"at": "<ISO time>"}`. */
export async function heartbeatOf(worker: Worker, { heartbeat }: WatchSettings, nowS: number): Promise<number | null> {
  const target = worker.state.copyOut?.target;
  if (heartbeat === undefined || target === undefined) return null;
  const key = `${target.prefix.replace(/\/+$/, "")}/${heartbeat.key.replaceAll("{worker}", worker.name)}`;
  const text = await openBucket(target).readText(key);
  if (text === undefined) return null;
  return nowS - Date.parse(heartbeatSchema.parse(JSON.parse(text)).at) / 1000;
}

interface Money {
  credit: number | null;
  dph: number;
  hoursLeft: number | null;
}

function print(lines: readonly TriageLine[], { credit, dph, hoursLeft }: Money, seconds: number): void {
  const alerts = lines.filter(({ flag }) => flag === "ALERT");
  const rows = lines.map(({ flag, worker, contract, gpu, dph: own, phase, meaning }) => [
    flag === "ALERT" ? coloured("red", flag) : flag,
    worker,
    String(contract),
    gpu,
    own.toFixed(3),
    phase,
    meaning,
  ]);
  if (rows.length > 0) console.log(table(["", "Worker", "Contract", "GPU", "$/h", "Phase", "What it means"], rows));
  for (const { worker, lastLines } of alerts)
    if (lastLines.some((line) => line !== "")) console.log(`${worker}, its last lines:\n  ${lastLines.join("\n  ")}`);
  const left = hoursLeft === null ? "" : `, ${hoursLeft.toFixed(0)} h at ${usd(dph)}/h`;
  console.log(`Credit: ${credit === null ? "not said" : usd(credit)}${left}.`);
  console.log(`${lines.length} workers, ${alerts.length} in trouble; looked for ${seconds} s.`);
  if (alerts.length > 0) console.log("`vast-fleet recover <worker>` recovers one; `vast-fleet kill` ends all billing.");
}
