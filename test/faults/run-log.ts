import { STARTED_AT_S } from "./run-world.ts";
import type { SteppedClock } from "./stepped-clock.ts";

export interface RunReport {
  index: number;
  steps: string[];
  /** How often each kind of fault or event was set. */
  kinds: Record<string, number>;
  violations: string[];
  messages: string[];
  /** Why the one up after the faults could not do everything: names of blocks.ts. */
  unrepaired: string[];
}

export function emptyReport(index: number): RunReport {
  return { index, steps: [], kinds: {}, violations: [], messages: [], unrepaired: [] };
}

/** What is written down while a run on the handlers goes on. */
export class RunLog {
  readonly report: RunReport;
  readonly #clock: SteppedClock;

  constructor(index: number, clock: SteppedClock) {
    this.report = emptyReport(index);
    this.#clock = clock;
  }

  say(step: string): void {
    this.report.steps.push(step);
    this.message(`=== ${step}`);
  }

  /** A line that a user would see. */
  message(line: string): void {
    this.report.messages.push(`[${Math.round(this.#clock.nowS - STARTED_AT_S)} s] ${line}`);
  }

  count(kind: string): void {
    this.report.kinds[kind] = (this.report.kinds[kind] ?? 0) + 1;
  }

  violation(...found: readonly string[]): void {
    this.report.violations.push(...found);
  }
}
