import { VastError } from "pulumi-vast/internal/api/errors";
import { markOf } from "pulumi-vast/internal/lifecycle/mark";
import { withEdits } from "../change/with-edits.ts";
import { withNumbers } from "../fleet/numbers.ts";
import type { Fleets, Worker } from "../fleet/read.ts";
import type { Session } from "../session.ts";
import { chargesIn } from "../spend/meter.ts";
import type { Reach } from "./check.ts";
import type { Decision } from "./decide.ts";
import type { FleetPolicy, ScalingPolicy } from "./policy.ts";
import { queueDepth } from "./queue.ts";

/** The stack, as an autoscaler sees and changes it. */
export function reachOf(session: Session, policies: ScalingPolicy): Reach {
  const { stack, context, clock } = session;
  return {
    fleets: Object.keys(stack.fleets.read()),
    nowS: () => clock.nowS(),
    see: async (fleet) => {
      const all = await session.fleets();
      const workers = workersOf(all, fleet);
      return {
        workers: workers.map(({ number = 0, label, row }) => ({ number, label, row })),
        rows: [...all.rows.values()].filter((row) => markOf(row)?.startsWith(all.known.markPrefix)),
        newWorkerDph: workerDph(fleet, policies[fleet], workers, all),
      };
    },
    depth: ({ queue }) => queueDepth(queue),
    charges: (span) => chargesIn(context.transport, span),
    resize: (fleet, decision) => resize(session, fleet, decision),
  };
}

function workersOf({ fleets }: Fleets, name: string): Worker[] {
  const fleet = fleets.find((candidate) => candidate.name === name);
  if (fleet?.config) return fleet.workers.filter(({ number }) => number !== undefined);
  throw new VastError("config", `the stack config has no fleet "${name}"`, {
    fix: `it has ${fleets.map((candidate) => candidate.name).join(", ") || "none"}; a fleet is made with vast-fleet up`,
  });
}

function workerDph(name: string, policy: FleetPolicy | undefined, workers: Worker[], { fleets }: Fleets): number {
  const declared = fleets.find((fleet) => fleet.name === name)?.config?.with.offer as { maxDph?: unknown } | undefined;
  const caps = [policy?.workerDph, declared?.maxDph, ...workers.map(({ inputs }) => inputs.offer?.maxDph)];
  const cap = caps.find((candidate) => typeof candidate === "number");
  if (typeof cap === "number") return cap;
  throw new VastError("config", `fleet ${name}: what one more worker may cost is not known, so no budget could hold`, {
    fix: "give `workerDph` in stacks/autoscale.yaml, or `offer.maxDph` in the fleet's profile",
  });
}

/** Whom the program shall have: those that stay, and the lowest free numbers. */
export function numbersAfter(present: readonly number[], { remove, target }: Decision): number[] {
  const numbers = new Set(present.filter((number) => !remove.includes(number)));
  for (let number = 0; numbers.size < target; number += 1) numbers.add(number);
  return [...numbers].toSorted((a, b) => a - b);
}

async function resize(session: Session, fleet: string, decision: Decision): Promise<void> {
  const { stack, log, signal } = session;
  const present = workersOf(await session.fleets(), fleet).map(({ number = 0 }) => number);
  const wanted = numbersAfter(present, decision);
  const { worker = "worker", absent = [] } = stack.fleets.read()[fleet] ?? {};
  const changed = [...present.filter((n) => !wanted.includes(n)), ...wanted.filter((n) => !present.includes(n))];
  // A worker and the volume that may belong to it; nobody else's business is done on the way.
  const targets = changed.flatMap((number) => [
    `**::${fleet}-${worker}-${number}`,
    `**::${fleet}-${worker}-${number}-volume`,
  ]);
  await withEdits(session, withNumbers(fleet, wanted, absent), () => stack.up({ targets, onLine: log, signal }));
}
