import type { OperatorClock } from "../../operator/clock.ts";
import type { ActionRecord } from "../../operator/record.ts";
import { Watch } from "../../operator/watch/check.ts";
import type { WatchedFleet } from "../../operator/watch/fleet.ts";
import { keepWatch } from "../../operator/watch/monitor.ts";
import type { WatchSettings } from "../../operator/watch/settings.ts";
import type { Span } from "./incidents.ts";

export type OperatorTime = Pick<OperatorClock, "nowS" | "waitUntil">;

export interface Watched {
  /** How often which sign led to which repair. */
  repairs: Record<string, number>;
  /** What the watch said, and its updates. */
  transcript: string[];
}

export const NOT_WATCHED: Watched = { repairs: {}, transcript: [] };

interface WatchOptions {
  fleet: WatchedFleet;
  clock: OperatorTime;
  record: Pick<ActionRecord, "append" | "read">;
  settings: WatchSettings;
  span: Span;
  say?: ((line: string) => void) | undefined;
}

/** The monitor, from now to the end of the night. */
export async function watchThrough(options: WatchOptions): Promise<Watched> {
  const { fleet, clock, record, settings, span, say } = options;
  const watched: Watched = { repairs: {}, transcript: [] };
  const tell = (line: string): void => {
    const at = new Date((clock.nowS() - span.startS) * 1000).toISOString().slice(11, 19);
    watched.transcript.push(`${at} ${line}`);
    say?.(`${at} ${line}`);
  };
  const over = new AbortController();
  const watch = new Watch({ fleet, record, nowS: clock.nowS, settings, say: tell });
  await keepWatch({
    watch,
    clock: { ...clock, waitUntil: (epochS) => clock.waitUntil(Math.min(epochS, span.endS)) },
    settings,
    signal: over.signal,
    onReport: ({ repaired }) => {
      for (const { what, sign, error } of repaired) {
        const kind = `${what}: ${sign}${error === undefined ? "" : ", did not go through"}`;
        watched.repairs[kind] = (watched.repairs[kind] ?? 0) + 1;
      }
      if (clock.nowS() >= span.endS - 1) over.abort();
    },
  });
  return watched;
}
