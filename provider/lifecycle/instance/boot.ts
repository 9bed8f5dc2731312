import type { InstanceRow } from "../../api/instances.ts";
import type { Clock } from "../../clock.ts";
import { conditionOf, mayHaveRun, saidOf } from "./condition.ts";
import { serviceNowS } from "./expiry.ts";

/** A boot that was under way when the state was written; epoch seconds by the service's clock. */
export interface Boot {
  since: number;
  /** When it last said something new, as far as anybody looked. */
  movedAt: number;
}

/** What a state tells of the boot before. */
export interface Recorded {
  boot?: Boot | undefined;
  status?: string | undefined;
  statusMessage?: string | undefined;
  everRan?: boolean | undefined;
}

/** A boot may go on this many times `bootTimeout` as long as it makes progress (pulls of fat images do). */
const LONGEST_BOOT = 4;
/** As much of the service's message as a state keeps. */
const KEPT_CHARS = 200;

export function longestBootS(bootTimeoutS: number): number {
  return bootTimeoutS * LONGEST_BOOT;
}

/** Why a boot counts as failed; undefined while it is worth waiting for (platform profile, VAST13). */
export function whyItIsLate(waitedS: number, silentS: number, bootTimeoutS: number): string | undefined {
  if (silentS > bootTimeoutS) return `no progress for ${Math.round(silentS)} s`;
  return waitedS > longestBootS(bootTimeoutS) ? `not running after ${Math.round(waitedS)} s` : undefined;
}

/** The message of a row, as a state keeps it. */
export function keptMessage(row: InstanceRow): string {
  return saidOf(row).slice(0, KEPT_CHARS);
}

export function keptStatus(row: InstanceRow): string {
  return row.actual_status ?? "provisioning";
}

/** The boot that a row is in, going on from what a state recorded; undefined when it is in none. */
export function bootOf(row: InstanceRow, before: Recorded, clock: Clock): Boot | undefined {
  if (conditionOf(row) !== "starting") return undefined;
  // Rounded down: what was late when it was recorded is late in whatever looks at the record.
  const nowS = Math.floor(serviceNowS(row, clock));
  // A contract that never ran has been booting since it was rented; one that ran, since somebody first saw it boot again.
  const firstBoot = before.everRan !== true && !mayHaveRun(row);
  const recorded = before.everRan === true || firstBoot ? before.boot : undefined;
  const since = recorded?.since ?? (firstBoot && typeof row.start_date === "number" ? row.start_date : nowS);
  const sameAsBefore = before.status === keptStatus(row) && before.statusMessage === keptMessage(row);
  return { since: Math.floor(since), movedAt: recorded && sameAsBefore ? recorded.movedAt : nowS };
}

/**
 * Why the boot of a contract in the state counts as failed. A long boot alone is no failure of a contract that ran before:
 * what is recorded of it may be of an earlier boot, unless it still says the same.
 */
export function failedBoot(row: InstanceRow, before: Recorded, bootTimeoutS: number, clock: Clock): string | undefined {
  const boot = bootOf(row, before, clock);
  if (boot === undefined) return undefined;
  const nowS = serviceNowS(row, clock);
  const waitedS = before.everRan === true ? 0 : nowS - boot.since;
  return whyItIsLate(waitedS, nowS - boot.movedAt, bootTimeoutS);
}
