import type { Context } from "pulumi-vast/internal/context";
import { interrupts, type OperatorClock, operatorClock } from "./clock.ts";
import { contextOf } from "./context.ts";
import { type Fleets, readFleets } from "./fleet/read.ts";
import type { CommonOptions } from "./options.ts";
import { type ActionRecord, actionRecord } from "./record.ts";
import { type OperatorStack, openStack } from "./stack.ts";
import { progress } from "./terminal.ts";

/** What every command works with. */
export interface Session {
  stack: OperatorStack;
  /** The way to the service, paced together with the engine's. */
  context: Context;
  clock: OperatorClock;
  record: ActionRecord;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  log(line: string): void;
  /** Joined anew at each call. */
  fleets(): Promise<Fleets>;
}

export interface SessionOverrides {
  log?: (line: string) => void;
  clock?: (context: Context) => OperatorClock;
  signal?: AbortSignal;
}

export async function openSession(
  options: Pick<CommonOptions, "cwd" | "stack">,
  overrides: SessionOverrides = {},
): Promise<Session> {
  const log = overrides.log ?? progress;
  const stack = await openStack(options);
  const context = contextOf(stack, log);
  const clock = overrides.clock?.(context) ?? operatorClock(context.clock);
  return {
    stack,
    context,
    clock,
    record: actionRecord(stack, clock.nowS),
    signal: overrides.signal ?? interrupts(),
    log,
    fleets: async () => {
      const fleets = await readFleets(stack, context);
      for (const row of fleets.rows.values()) clock.observe(row);
      return fleets;
    },
  };
}
