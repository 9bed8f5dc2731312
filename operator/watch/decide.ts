import { MB_PER_GB } from "pulumi-vast/internal/fleet/place";
import type { WorkerMemory } from "./memory.ts";
import { type Repair, type Rule, ruleFor } from "./rules.ts";
import type { WatchSettings } from "./settings.ts";
import { knownSince, type Sight, type Sign, signOf } from "./sight.ts";

const HOUR_S = 3600;
/** After a repair that did not go through, twice as long each time. */
const FIRST_PAUSE_S = 60;
const LONGEST_PAUSE_S = 600;

export interface Decision {
  worker: string;
  sign: Sign;
  repair: Repair;
  reason: string;
  /** With `leave`: epoch seconds at which the rule would act, if nothing changes. */
  dueS?: number;
  excludeMachine?: number;
  /** GB per GPU that the next machine has to have. */
  minVramGb?: number;
}

/** What to do about one worker, from what is seen and what was done before; nothing is asked and nothing changed. */
export function decide(
  sight: Sight,
  memory: WorkerMemory | undefined,
  nowS: number,
  settings: WatchSettings,
): Decision {
  const { worker } = sight;
  const sign = signOf(sight, settings.patterns, nowS);
  const rule = ruleFor(sign);
  const decided = (repair: Repair, reason: string): Decision => ({ worker: worker.name, sign, repair, reason });
  if (rule.repair === "leave") return decided("leave", rule.why);
  const dueS = dueOf(sight, sign, rule, memory, nowS, settings);
  if (dueS > nowS) return { ...decided("leave", `${rule.why}; not for long enough`), dueS };
  const reason = `${rule.why}${detailOf(sight)}`;
  if (rule.repair === "alert") return decided("alert", reason);
  if (sign === "offline" && worker.inputs?.onOffline !== "park")
    return decided(
      "alert",
      `its host is offline; it bills nothing meanwhile. \`onOffline: "park"\` would rent another`,
    );
  if (sign === "preempted" && worker.inputs?.onInterruption === "fail")
    return decided("alert", 'it was outbid, and onInterruption is "fail"');
  const repair = repairOf(rule, sight, memory, nowS);
  if (repair === "alert") return decided("alert", `${reason}; no machine with more memory meets its criteria`);
  if (repair !== "restart" && replacedLately(memory, nowS) >= settings.replacementsPerHour)
    return decided("alert", `${reason}; replaced ${replacedLately(memory, nowS)} times within the hour, so no more`);
  const againS = nextTryS(memory);
  if (againS > nowS) return { ...decided("leave", `${reason}; the last try did not go through`), dueS: againS };
  return { ...decided(repair, reason), ...(repair === "restart" ? {} : demandsOf(rule, sight)) };
}

/** A machine that helps no more than this one is not rented, least of all when there is none: then a new start may help. */
function repairOf(rule: Rule, { worker, larger }: Sight, memory: WorkerMemory | undefined, nowS: number): Repair {
  const again = mayRestart(worker.contract, memory, nowS);
  if (rule.moreVram && larger === false) return again && worker.row?.actual_status !== "running" ? "restart" : "alert";
  return rule.repair === "restart" && !again ? "replace" : rule.repair;
}

/** Epoch seconds at which the sign has held for long enough. */
function dueOf(
  sight: Sight,
  sign: Sign,
  { after }: Rule,
  memory: WorkerMemory | undefined,
  nowS: number,
  settings: WatchSettings,
): number {
  const { worker, log } = sight;
  if (after === undefined || (after === "fatal" && worker.row?.actual_status !== "running")) return nowS;
  const { seen, progress } = memory ?? {};
  const sinceS =
    knownSince(sign, worker) ?? (seen?.sign === sign && seen.contract === worker.contract ? seen.sinceS : nowS);
  return (
    Math.max(sinceS, sign === "progress" ? movedS(worker.contract, log, progress, nowS) : 0) + settings.after[after]
  );
}

/** When work was seen to go on: a line of progress that was not there before is progress at this moment. */
function movedS(
  contract: number | undefined,
  log: Sight["log"],
  before: WorkerMemory["progress"],
  nowS: number,
): number {
  if (log?.progress === undefined) return 0;
  return before?.contract === contract && before?.line === log.progress.line ? before.atS : nowS;
}

/** Where the market has nothing, or the gate holds a machine back, asking every minute helps nobody. */
function nextTryS(memory: WorkerMemory | undefined): number {
  const { failed } = memory ?? {};
  if (failed === undefined) return 0;
  return failed.atS + Math.min(FIRST_PAUSE_S * 2 ** (failed.times - 1), LONGEST_PAUSE_S);
}

function mayRestart(contract: number | undefined, memory: WorkerMemory | undefined, nowS: number): boolean {
  return !memory?.restarts.some((restart) => restart.contract === contract && restart.atS > nowS - HOUR_S);
}

export function replacedLately(memory: WorkerMemory | undefined, nowS: number): number {
  return memory?.replacedS.filter((atS) => atS > nowS - HOUR_S).length ?? 0;
}

function detailOf({ worker, log }: Sight): string {
  const words = log?.fatal?.line ?? worker.row?.status_msg?.trim() ?? "";
  // A container that has run keeps the host's good news.
  return words === "" || words.startsWith("success") ? "" : ` (${words.slice(0, 160)})`;
}

function demandsOf(
  { excludeMachine, moreVram }: Rule,
  { worker }: Sight,
): Pick<Decision, "excludeMachine" | "minVramGb"> {
  const { row } = worker;
  if (row === undefined) return {};
  return {
    ...(excludeMachine && worker.inputs?.volume === undefined ? { excludeMachine: row.machine_id } : {}),
    ...(moreVram ? { minVramGb: moreVramThan(worker) } : {}),
  };
}

/** GB per GPU: more than this machine has, and than was asked for. */
export function moreVramThan({ row, inputs }: Sight["worker"]): number {
  const offer = inputs?.offer;
  const asked = offer !== undefined && "minVramGb" in offer ? (offer.minVramGb ?? 0) : 0;
  return Math.max(Math.floor((row?.gpu_ram ?? 0) / MB_PER_GB), asked) + 1;
}
