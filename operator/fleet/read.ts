import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import type { Context } from "pulumi-vast/internal/context";
import { type Condition, conditionOf } from "pulumi-vast/internal/lifecycle/instance/condition";
import type { InstanceInputs } from "pulumi-vast/internal/lifecycle/instance/inputs";
import { type InstanceState, type MachineFacts, machineFactsOf } from "pulumi-vast/internal/lifecycle/instance/outputs";
import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { classify, type Findings } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { survey } from "pulumi-vast/internal/lifecycle/reconcile/survey";
import { billedDph } from "../billing.ts";
import { nameOf, type StackResource, type StackState } from "../stack/state.ts";
import type { OperatorStack } from "../stack.ts";
import type { FleetEntry } from "./config.ts";

/** A VastInstance of the stack: what the state knows of it, and what the service says of its contract now. */
export interface Worker {
  urn: string;
  /** Name in the program, e.g. `trainer-worker-0`. */
  name: string;
  /** As the service shows it; prefixes are those of labels. */
  label: string;
  /** Name of its fleet; undefined for an instance that belongs to none. */
  fleet: string | undefined;
  /** Its number in the fleet. */
  number: number | undefined;
  contract: number;
  /** What the program asked for at the last `up`. */
  inputs: Partial<InstanceInputs>;
  /** Inputs and outputs of the state, as the provider's handlers and `copyOutNow` take them. */
  state: InstanceState;
  /** The contract in the service's list; undefined when it is not there. */
  row: InstanceRow | undefined;
  /** From the row: address, GPU, price. */
  machine: MachineFacts | undefined;
  /** `missing`: listed no more; `gone`: proven so. */
  condition: Condition | "missing" | "gone";
  /** USD/h billed now. */
  dph: number;
}

export interface Fleet {
  name: string;
  /** What the stack config wants; undefined for one that is not in it (any more), or not by the shipped program's rules. */
  config: FleetEntry | undefined;
  /** Of the state, by number. */
  workers: Worker[];
}

/** Everything about a stack's fleets at one time. */
export interface Fleets {
  fleets: Fleet[];
  /** All workers, also those of no fleet. */
  workers: Worker[];
  /** Lost contracts, parked ones, entries whose contract is gone, volumes nobody uses. */
  findings: Findings;
  /** Every contract of the account, also those of other stacks. */
  rows: ReadonlyMap<number, InstanceRow>;
  known: StackState;
}

/**
 * Joins state, config and the service's list (one listing, whatever the number of workers). Odd or incomplete answers are
 * errors: a worker is never taken for gone because of one.
 */
export async function readFleets(stack: OperatorStack, context: Context): Promise<Fleets> {
  const { observed, known } = await survey(context, () => stack.knowledge());
  const config = stack.fleets.read();
  const workers = known.recorded
    .filter(({ type, id }) => type === "Instance" && id !== undefined)
    .map((resource) => workerOf(resource, observed.rows, observed.gone))
    .toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  const names = new Set([...Object.keys(config), ...workers.flatMap(({ fleet }) => fleet ?? [])]);
  const fleets = [...names].toSorted().map((name) => ({
    name,
    config: config[name],
    workers: workers.filter(({ fleet }) => fleet === name),
  }));
  return { fleets, workers, findings: classify(observed, known), rows: observed.rows, known };
}

const FLEET_URN = /vast:index:Fleet::[^:]+$/;

function workerOf(resource: StackResource, rows: ReadonlyMap<number, InstanceRow>, gone: ReadonlySet<string>): Worker {
  const { urn, parent = "", inputs } = resource;
  const state = resource.props as unknown as InstanceState;
  const contract = Number(resource.id);
  const row = rows.get(contract);
  const name = nameOf(urn);
  const fleet = FLEET_URN.test(parent) ? nameOf(parent) : undefined;
  const number = /-(\d+)$/.exec(name)?.[1];
  return {
    urn,
    name,
    label: row?.label ?? state.label,
    fleet,
    number: fleet === undefined || number === undefined ? undefined : Number(number),
    contract,
    inputs,
    state,
    row,
    machine: row && machineFactsOf(row),
    condition: row ? conditionOf(row) : gone.has(urn) ? "gone" : "missing",
    dph: row ? billedDph(row) : 0,
  };
}

/** Workers of the fleets of that prefix, and those whose own label has it; all without a prefix. */
export function withPrefix({ workers }: Pick<Fleets, "workers">, prefix: string | undefined): Worker[] {
  return workers.filter(
    ({ label, fleet }) => matchesPrefix(label, prefix) || (fleet !== undefined && matchesPrefix(fleet, prefix)),
  );
}

export function fleetsWithPrefix({ fleets }: Pick<Fleets, "fleets">, prefix: string | undefined): Fleet[] {
  return fleets.filter(({ name }) => matchesPrefix(name, prefix));
}
