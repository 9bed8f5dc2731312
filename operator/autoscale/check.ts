import type { Charge, ChargeSpan } from "pulumi-vast/internal/api/charges";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { fleetOf } from "../spend/fleet-of.ts";
import { look, type SeenContracts, spansOf, spentBySource } from "../spend/meter.ts";
import { type Decision, decide, type Worker } from "./decide.ts";
import type { Memory } from "./memory.ts";
import { type FleetPolicy, limitsAt } from "./policy.ts";
import { idleSince, workOf } from "./work.ts";

export interface FleetWorker {
  number: number;
  label: string;
  /** Undefined where the service lists no such contract. */
  row: InstanceRow | undefined;
}

/** What a check sees and acts through; the stack, or a simulation that has no engine. */
export interface Reach {
  nowS(): number;
  /** Every fleet of the stack, by name. */
  fleets: readonly string[];
  /** Workers of a fleet as the stack has them, and every contract of the stack. */
  see(fleet: string): Promise<{ workers: FleetWorker[]; rows: InstanceRow[]; newWorkerDph: number }>;
  depth(policy: FleetPolicy): Promise<number>;
  charges(span: ChargeSpan): Promise<Charge[]>;
  /** Through the stack, so that what goes is copied out first. */
  resize(fleet: string, decision: Decision): Promise<void>;
}

export interface Checked {
  fleet: string;
  decision: Decision;
  workers: Worker[];
  depth: number | undefined;
  /** Why the depth is not known. */
  silence: string | undefined;
  limits: { min: number; max: number; window: string | undefined };
  spent: { day: number; month: number };
}

/** Looks at one fleet and decides; nothing is changed. The memory is to be kept in any case. */
export async function check(
  reach: Reach,
  fleet: string,
  policy: FleetPolicy,
  memory: Memory,
): Promise<{ checked: Checked; memory: Memory }> {
  const { workers: seen, rows, newWorkerDph } = await reach.see(fleet);
  const nowS = reach.nowS();
  const contracts = look(memory.contracts, rows, nowS);
  const ofFleet = seen.flatMap(({ row }) => (row ? [row] : []));
  const idle = idleSince(memory.idleSince, ofFleet, policy.idleBelowUtil, nowS);
  const workers = seen.map(
    ({ number, label, row }): Worker => ({
      number,
      label,
      work: workOf(row, idle, policy, nowS),
      dph: row?.dph_total ?? newWorkerDph,
    }),
  );
  const spent = await spentOf(reach, fleet, contracts, nowS);
  const { depth, silence } = await asked(reach, policy);
  const last = memory.fleets[fleet] ?? {};
  const decision = decide(policy, { nowS, workers, depth, spent, newWorkerDph, last });
  const { min, max, window } = limitsAt(policy, nowS);
  const others = Object.entries(memory.idleSince).filter(
    ([id]) => rows.some((row) => String(row.id) === id) && !ofFleet.some((row) => String(row.id) === id),
  );
  return {
    checked: { fleet, decision, workers, depth, silence, limits: { min, max, window }, spent },
    memory: { ...memory, contracts, idleSince: { ...Object.fromEntries(others), ...idle } },
  };
}

/** The memory of a change that is about to be made: its cooldown begins even if only half of it succeeds. */
export function changing(memory: Memory, { fleet, decision }: Checked, nowS: number): Memory {
  const last = memory.fleets[fleet] ?? {};
  const now = decision.target > decision.size ? { ...last, upS: nowS } : { ...last, downS: nowS };
  return { ...memory, fleets: { ...memory.fleets, [fleet]: now } };
}

export const isChange = ({ target, size, remove }: Decision): boolean => target !== size || remove.length > 0;

async function spentOf(reach: Reach, fleet: string, seen: SeenContracts, nowS: number): Promise<Checked["spent"]> {
  const { day, month } = spansOf(nowS);
  const within = async (span: ChargeSpan) => {
    const spent = spentBySource(seen, await reach.charges(span), span, nowS);
    return [...spent.values()]
      .filter(({ label }) => fleetOf(label, reach.fleets) === fleet)
      .reduce((sum, { usd }) => sum + usd, 0);
  };
  return { day: await within(day), month: await within(month) };
}

async function asked(reach: Reach, policy: FleetPolicy): Promise<Pick<Checked, "depth" | "silence">> {
  try {
    return { depth: await reach.depth(policy), silence: undefined };
  } catch (error) {
    return { depth: undefined, silence: (error as Error).message };
  }
}
