import type { OperatorClock } from "../clock.ts";
import type { CheckReport, Watch } from "./check.ts";
import type { WatchSettings } from "./settings.ts";

/** Checks are not late by a rounding. */
const TOLERANCE_S = 0.5;

export interface MonitorDeps {
  watch: Pick<Watch, "check">;
  clock: Pick<OperatorClock, "nowS" | "waitUntil">;
  settings: Pick<WatchSettings, "every">;
  /** Aborted when it is to end; an update that is under way is ended in order. */
  signal: AbortSignal;
  onReport: (report: CheckReport, logs: boolean) => void;
}

/**
 * Checks until it is told to end: the list every minute, and the logs every minute as well for half an hour after the start
 * and after each repair, later every ten minutes. A list costs one call for 25 contracts, and shows a preemption or a
 * crash within the time in which it has to be over.
 */
export async function keepWatch({ watch, clock, settings, signal, onReport }: MonitorDeps): Promise<void> {
  const { first, firstFor, later, list } = settings.every;
  let rampUntilS = clock.nowS() + firstFor;
  let loggedS = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    const nowS = clock.nowS();
    const logs = nowS - loggedS >= (nowS < rampUntilS ? first : later) - TOLERANCE_S;
    const report = await watch.check({ logs, signal });
    if (logs && report.outage === undefined) loggedS = nowS;
    if (report.repaired.length > 0) rampUntilS = clock.nowS() + firstFor;
    onReport(report, logs);
    await clock.waitUntil(nowS + list, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
