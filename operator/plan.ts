import { type FleetCost, inPeriods, inWords } from "pulumi-vast/internal/fleet/cost";
import { usd } from "pulumi-vast/internal/fleet/place";
import { describeChanges } from "./change/describe.ts";
import type { Sizes } from "./commands/scale.ts";
import type { Fleets } from "./fleet/read.ts";
import type { CommonOptions } from "./options.ts";
import { expectedCosts } from "./plan/cost.ts";
import { sizing } from "./scale.ts";
import { openSession } from "./session.ts";
import { EXIT, printJson, table } from "./terminal.ts";

export async function plan(wanted: Sizes, options: CommonOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  const { edits } = sizing(all, wanted);
  session.log("Asking the engine what would change (a preview) …");
  const changes = await session.stack.preview({ edits, signal: session.signal });
  const fleets = await expectedCosts(session.context, all, changes);
  const now = dphOf(all);
  const after = fleets.reduce((sum, { dph }) => sum + dph, 0);
  const { steps, messages, violations } = changes;
  if (options.json) {
    printJson({ stack: session.stack.name, steps, messages, violations, fleets, dphNow: now, dphAfter: after });
  } else {
    console.log(describeChanges(changes));
    console.log(tableOfCosts(fleets));
    console.log(`Now ${usd(now)}/h; then ${inWords(inPeriods(after))}.`);
  }
  return fleets.some(({ unplaced }) => unplaced > 0) ? EXIT.partial : EXIT.ok;
}

function dphOf({ workers }: Fleets): number {
  return workers.reduce((sum, { dph }) => sum + dph, 0);
}

function tableOfCosts(fleets: readonly FleetCost[]): string {
  const rows = fleets.map(({ fleet, workers, toRent, unplaced, dph, perDay }) => [
    fleet,
    String(workers),
    String(toRent),
    unplaced === 0 ? "" : String(unplaced),
    dph.toFixed(3),
    perDay.toFixed(2),
  ]);
  return table(["Fleet", "Workers", "To rent", "No machine", "$/h", "$/day"], rows);
}
