import { VastError } from "pulumi-vast/internal/api/errors";
import { rebootInstance } from "pulumi-vast/internal/api/instances";
import type { Worker } from "../fleet/read.ts";
import type { CommonOptions } from "../options.ts";
import { openSession, type Session } from "../session.ts";
import { confirmed, EXIT, printJson, UsageError } from "../terminal.ts";
import type { Order } from "./fleet.ts";
import { watchSettings } from "./fleet-choice.ts";
import { readLog } from "./log.ts";
import { actionOf } from "./memory.ts";
import { ruleFor } from "./rules.ts";
import type { WatchSettings } from "./settings.ts";
import { phaseOf, type Sight, type Sign, signOf } from "./sight.ts";
import { readWorkerLog, stackFleet, watched } from "./stack-fleet.ts";

/** Seconds within which the worker has to run again (incident runbook). Billing is `vast-fleet kill`'s, in one minute. */
export const TARGETS_S = { preemption: 600, crash: 300, gpu: 900 } as const;
export type IncidentType = keyof typeof TARGETS_S;

export interface RecoverOptions extends CommonOptions {
  type?: IncidentType;
  yes?: boolean;
}

const POLL_S = 5;

export interface RecoverReport {
  worker: string;
  type: IncidentType;
  sign: Sign;
  before: number;
  after: number | undefined;
  recovered: boolean;
  seconds: number;
  targetSeconds: number;
  error?: string;
}

export async function recover(which: string, options: RecoverOptions): Promise<number> {
  const session = await openSession(options);
  const settings = watchSettings(session);
  const worker = await find(session, which);
  const sight = await lookAt(session, worker, settings);
  const sign = signOf(sight, settings.patterns, session.clock.nowS());
  const type = options.type ?? typeOf(sign);
  const { why, repair } = ruleFor(sign);
  if (repair === "alert" && options.type === undefined)
    throw new VastError("blocked", `${worker.name}: ${why}`, {
      fix: "put that right first; --type recovers it all the same",
    });
  if (type === undefined) {
    session.log(`${worker.name} is ${phaseOf(sight)}: nothing to recover (--type says what to do all the same).`);
    return EXIT.ok;
  }
  const how = HOW[type](worker);
  const question = `${worker.name} (contract ${worker.contract}): ${why}. ${how.says} Go on?`;
  if (!(await confirmed(question, options.yes))) return EXIT.ok;
  const report = await carryOut(session, { sight, sign, type, run: how.run });
  if (options.json) printJson(report);
  else session.log(sayResult(report));
  return report.recovered && report.seconds <= report.targetSeconds ? EXIT.ok : EXIT.partial;
}

async function find(session: Session, which: string): Promise<Worker> {
  const { workers } = await session.fleets();
  const found = workers.filter(({ name, label, contract }) => [name, label, String(contract)].includes(which));
  const [worker] = found;
  if (worker !== undefined && found.length === 1) return worker;
  throw new UsageError(
    found.length > 1
      ? `"${which}" names ${found.length} workers: give the contract id`
      : `no worker of this stack is "${which}"; \`vast-fleet status\` shows them`,
  );
}

async function lookAt({ context }: Session, worker: Worker, { patterns }: WatchSettings): Promise<Sight> {
  const reachable = worker.row !== undefined && worker.condition !== "offline" && worker.condition !== "starting";
  const text = reachable ? await readWorkerLog(context, worker.contract).catch(() => undefined) : undefined;
  return { worker: watched(worker, worker.fleet ?? ""), log: text === undefined ? undefined : readLog(text, patterns) };
}

const TYPES: Partial<Record<Sign, IncidentType>> = {
  preempted: "preemption",
  expired: "preemption",
  gone: "preemption",
  offline: "preemption",
  queued: "preemption",
  crashed: "crash",
  stopped: "crash",
  fatal: "crash",
  "host-error": "gpu",
  "no-cuda": "gpu",
  gpu: "gpu",
  "no-container": "gpu",
  "ssh-forwarding": "gpu",
};

export function typeOf(sign: Sign): IncidentType | undefined {
  return TYPES[sign];
}

type Run = (session: Session, worker: Worker) => Promise<string | undefined>;

const HOW: Record<IncidentType, (worker: Worker) => { says: string; run: Run }> = {
  preemption: () => ({
    says: "Another host goes on from the last checkpoint; the contract's results are copied out first.",
    run: (session, worker) => order(session, worker, { replace: false }),
  }),
  crash: (worker) =>
    worker.condition === "running"
      ? { says: "Its container is restarted; the disk stays.", run: reboot }
      : {
          says: "It is started again; the disk stays.",
          run: (session, one) => order(session, one, { replace: false }),
        },
  gpu: (worker) => ({
    says: `Its results are copied out, it is destroyed, and another one than machine ${worker.row?.machine_id ?? "?"} is rented.`,
    run: (session, one) => order(session, one, { replace: true, excludeMachine: one.row?.machine_id }),
  }),
};

function order(session: Session, worker: Worker, wanted: Omit<Order, "worker">): Promise<string | undefined> {
  if (worker.fleet === undefined) {
    const { stack, log, signal } = session;
    const urns = [worker.urn];
    return stack.up({ targets: urns, replace: wanted.replace ? urns : [], onLine: log, signal }).then(
      () => undefined,
      (error: Error) => error.message,
    );
  }
  const fleet = stackFleet(session, worker.fleet);
  return fleet.repair([{ worker: watched(worker, worker.fleet), ...wanted }], session.signal);
}

/** Neither the stack nor the disk changes: the start script runs again, as after any boot. */
async function reboot({ context }: Session, { contract }: Worker): Promise<string | undefined> {
  await context.transport.call(rebootInstance, contract);
  context.sweeper.invalidate();
  return undefined;
}

interface Plan {
  sight: Sight;
  sign: Sign;
  type: IncidentType;
  run: Run;
}

async function carryOut(session: Session, { sight, sign, type, run }: Plan): Promise<RecoverReport> {
  const { clock, record } = session;
  const { name } = sight.worker;
  const beganS = clock.nowS();
  const before = await find(session, name);
  const error = await run(session, before);
  const after = await untilRunning(session, name, beganS + TARGETS_S[type]);
  const seconds = Math.round(clock.nowS() - beganS);
  const recovered = after?.condition === "running";
  record.append({
    ...actionOf(
      {
        what: after !== undefined && after.contract !== before.contract ? "replace" : "restart",
        atS: clock.nowS(),
        worker: name,
        contract: before.contract,
        sign,
        phase: phaseOf(sight),
        machine: before.row?.machine_id,
        reason: `recover: ${ruleFor(sign).why}`,
        after: { contract: after?.contract, machine: after?.row?.machine_id },
        ...(recovered ? {} : { error: error ?? "it does not run in time" }),
        seconds,
        dphBefore: before.row?.dph_total,
        dphAfter: after?.row?.dph_total,
      },
      before.fleet ?? "",
    ),
    fleets: before.fleet === undefined ? [] : [before.fleet],
  });
  return {
    worker: name,
    type,
    sign,
    before: before.contract,
    after: after?.contract,
    recovered,
    seconds,
    targetSeconds: TARGETS_S[type],
    ...(error === undefined ? {} : { error }),
  };
}

async function untilRunning(session: Session, name: string, untilS: number): Promise<Worker | undefined> {
  const { clock, signal } = session;
  for (;;) {
    const { workers } = await session.fleets();
    const worker = workers.find((one) => one.name === name);
    if (worker?.condition === "running" || clock.nowS() >= untilS) return worker;
    await clock.wait(POLL_S, signal);
  }
}

function sayResult({ worker, recovered, seconds, targetSeconds, before, after, error }: RecoverReport): string {
  if (!recovered) return `${worker} does not run again after ${seconds} s${error === undefined ? "" : `: ${error}`}`;
  const where = after === before ? `contract ${before}` : `contract ${after} instead of ${before}`;
  const late = seconds > targetSeconds ? `, later than the ${targetSeconds / 60} min aimed at` : "";
  return `${worker} runs again (${where}) after ${seconds} s${late}.`;
}
