import type { Context } from "pulumi-vast/internal/context";
import { workerNumbers } from "pulumi-vast/internal/fleet/worker-numbers";
import { matchesPrefix } from "pulumi-vast/internal/lifecycle/look-up";
import { settleParked } from "pulumi-vast/internal/lifecycle/reconcile/settle";
import { whenFree } from "../change/when-free.ts";
import type { FleetEdit, FleetEntry } from "../fleet/config.ts";
import { fetchLog } from "../fleet/log.ts";
import type { Fleet, Fleets, Worker } from "../fleet/read.ts";
import { volumesOf } from "../fleet/targets.ts";
import { bestOffer } from "../plan/best-offer.ts";
import type { Session } from "../session.ts";
import { StackBusyError } from "../stack/errors.ts";
import type { Order, WatchedFleet } from "./fleet.ts";
import type { WatchedWorker } from "./sight.ts";

const LOG_LINES = 200;
/** Machines that a config keeps away from; the oldest go first, hosts get better. */
const EXCLUSIONS_KEPT = 64;
/** An update that holds the stack between two destroys may rent more for the fleet; its config asks for none by then. */
const MOST_TEARDOWNS = 3;

/** A fleet of the stack: seen through state, config and the service's list, changed by `up` of its workers alone. */
export function stackFleet(session: Session, name: string): WatchedFleet {
  const { stack, context, log } = session;
  let latest: Fleets | undefined;
  const find = async (): Promise<Fleet> => {
    latest = await session.fleets();
    return latest.fleets.find((fleet) => fleet.name === name) ?? { name, config: undefined, workers: [] };
  };
  const isAllGone = async (): Promise<boolean> => {
    try {
      const { workers, ...fleet } = await find();
      return workers.length === 0 && latest !== undefined && volumesOf(latest, { workers, ...fleet }).length === 0;
    } catch {
      return false;
    }
  };
  /** Rented by a create that was killed: no state knows them, and no destroy of the stack ends them. */
  const lostOnes = (): string | undefined => {
    const lost = (latest?.findings.orphans ?? []).filter(({ row }) => matchesPrefix(row.label ?? "", name));
    if (lost.length === 0) return undefined;
    const ids = lost.map(({ row }) => row.id).join(", ");
    return `contract ${ids} of fleet ${name} bills and is in no state; \`vast-fleet reconcile --destroy\` copies its results out and ends it`;
  };
  /** Read once the stack is free: an update that held it until then may have rented more. */
  const destroyWhatIsThere = async (signal: AbortSignal): Promise<void> => {
    const fleet = await find();
    const volumes = latest === undefined ? [] : volumesOf(latest, fleet);
    const targets = [...fleet.workers.map(({ urn }) => urn), ...volumes];
    if (targets.length > 0) await stack.destroy({ targets, onLine: log, signal });
    // Under the stack's lock: what is being rented now is in no state yet.
    else await stack.refresh(log);
  };
  return {
    name,
    workers: async () => declaredWorkers(await find(), stack),
    log: (contract) => readWorkerLog(context, contract),
    hasLarger: async ({ inputs, row }, minVramGb) => {
      const larger = { ...inputs, offer: { ...inputs?.offer, minVramGb } };
      return (await bestOffer(context, larger, new Set(row ? [row.machine_id] : []))) !== undefined;
    },
    repair: async (orders, signal) => {
      const edits = editsFor(await find(), orders);
      if (edits.length > 0) await stack.fleets.change(edits);
      // One that was never rented may have no volume yet.
      const urns = orders.flatMap(({ worker: { urn, name, contract } }) =>
        contract === undefined ? [urn, `**::${name}-volume`] : [urn],
      );
      const replace = orders.filter((order) => order.replace).map(({ worker }) => worker.urn);
      return messageOf(stack.up({ targets: urns, replace, onLine: log, signal }));
    },
    parked: async () =>
      (latest?.findings.parked ?? [])
        .filter(({ record, host }) => host !== "offline" && matchesPrefix(record.resource ?? record.label, name))
        .map((found) => ({
          contract: found.record.contract,
          worker: found.record.resource ?? found.record.label,
          settle: () => settleParked(context, found),
        })),
    tearDown: async (signal) => {
      await stack.fleets.change([{ fleet: name, path: ["workers"], value: 0 }]);
      let error: string | undefined;
      for (let tries = 0; tries < MOST_TEARDOWNS && error === undefined; tries += 1) {
        error = await messageOf(whenFree(session, signal, () => destroyWhatIsThere(signal)));
        // Interrupted, it may have been done with everything all the same.
        if ((error === undefined || signal.aborted) && (await isAllGone())) return lostOnes();
      }
      return error ?? `more of fleet ${name} comes into the state as often as it is destroyed`;
    },
  };
}

/** The end of a container's log, once its host has uploaded it; undefined where it never does. */
export function readWorkerLog(context: Context, contract: number): Promise<string | undefined> {
  return fetchLog(context, contract, { tail: LOG_LINES });
}

/** What went wrong in an update that was under way. @throws where it never began */
async function messageOf(run: Promise<void>): Promise<string | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    if (error instanceof StackBusyError) throw error;
    return (error as Error).message;
  }
}

/** All that the config asks for, also those that the state does not have. */
function declaredWorkers(fleet: Fleet, stack: Session["stack"]): WatchedWorker[] {
  const { name, config } = fleet;
  const known = new Map(fleet.workers.map((worker) => [worker.name, worker]));
  const wanted = config === undefined ? [...known.keys()] : namesOf(name, config);
  const bare = stack.name.split("/").at(-1);
  const urnOf = (worker: string) =>
    `urn:pulumi:${bare}::${stack.project}::vast:index:Fleet$pulumi-nodejs:dynamic/vast:Instance::${worker}`;
  return wanted.map((worker) => {
    const found = known.get(worker);
    return found === undefined
      ? { name: worker, fleet: name, urn: urnOf(worker), inputs: undefined, contract: undefined, row: undefined }
      : watched(found, name);
  });
}

export function namesOf(fleet: string, { worker, workers, absent }: FleetEntry): string[] {
  return workerNumbers(workers, absent).map((n) => `${fleet}-${worker}-${n}`);
}

export function watched(worker: Worker, fleet: string): WatchedWorker {
  const { name, urn, inputs, contract, row, state } = worker;
  return { name, fleet, urn, inputs, contract, expiry: state.expiry, row };
}

/** What the orders ask of the config: machines to keep away from, and more memory. */
export function editsFor(fleet: Fleet, orders: readonly Order[]): FleetEdit[] {
  const edits: FleetEdit[] = [];
  const forAll = new Set<number>();
  for (const { worker, excludeMachine, minVramGb } of orders) {
    const number = /-(\d+)$/.exec(worker.name)?.[1] ?? "";
    const own = (field: string, value: unknown): FleetEdit => ({
      fleet: fleet.name,
      path: ["overrides", number, "offer", field],
      value,
    });
    if (minVramGb !== undefined) edits.push(own("minVramGb", minVramGb));
    if (excludeMachine === undefined) continue;
    // Another worker may be well on the same machine: `up` would replace it, were the machine excluded for it too.
    const shared = fleet.workers.some(
      (other) => other.name !== worker.name && other.row?.machine_id === excludeMachine,
    );
    if (shared) edits.push(own("excludeMachines", excludedWith(worker, [excludeMachine])));
    else forAll.add(excludeMachine);
  }
  if (forAll.size === 0) return edits;
  const [{ worker }] = orders as [Order, ...Order[]];
  const value = excludedWith(worker, [...configured(fleet.config), ...forAll]);
  return [...edits, { fleet: fleet.name, path: ["with", "offer", "excludeMachines"], value }];
}

function excludedWith({ inputs }: WatchedWorker, more: readonly number[]): number[] {
  const offer = inputs?.offer;
  const before = offer !== undefined && "excludeMachines" in offer ? offer.excludeMachines : [];
  return [...new Set([...before, ...more])].slice(-EXCLUSIONS_KEPT);
}

function configured(config: FleetEntry | undefined): number[] {
  const offer = config?.with.offer as { excludeMachines?: unknown } | undefined;
  return Array.isArray(offer?.excludeMachines) ? offer.excludeMachines.map(Number) : [];
}
