import { setTimeout as pause } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { StackLimits } from "../fleet/budgets.ts";
import type { FleetCost, Price } from "../fleet/cost.ts";
import type { Kept, PlannedWorker } from "../lifecycle/market-price.ts";
import { ask } from "./data-sources.ts";
import type { VastInstance, VastInstanceArgs } from "./vast-instance.ts";
import type { VastVolume } from "./vast-volume.ts";

/** However many profiles there are to search for: a preview waits no longer for prices, wall milliseconds. */
const LONGEST_WAIT_MS = 45_000;

/** A worker of a fleet and what comes with it. */
export interface FleetMember {
  name: string;
  resource: VastInstance;
  inputs: VastInstanceArgs;
  volume: VastVolume | undefined;
  volumeGb: number | undefined;
}

// Loaded in previews only: an update needs none of it.
const pricing = () => import("../lifecycle/market-price.ts");
const sums = () => import("../fleet/cost.ts");

/** Says what the fleet would cost. A service that does not answer is no reason for a preview to fail: it says so instead. */
export async function previewCost(
  fleet: string,
  resource: pulumi.Resource,
  members: readonly FleetMember[],
): Promise<FleetCost> {
  const [{ costInWords, fleetCost }, { PRICED_INPUTS }] = await Promise.all([sums(), pricing()]);
  if (members.length === 0) return fleetCost(fleet, []);
  const volumes = (await Promise.all(members.map(keptVolume))).filter((price) => price !== undefined);
  const planned = await Promise.all(members.map((member) => plannedWorker(member, PRICED_INPUTS)));
  try {
    const { prices, market } = await inTime(askMarket(planned));
    const cost = fleetCost(fleet, [...prices, ...volumes]);
    const text = [...market, costInWords(cost)].join(". ");
    await (cost.unplaced > 0 ? pulumi.log.warn(text, resource) : pulumi.log.info(text, resource));
    return cost;
  } catch (error) {
    await pulumi.log.warn(`what the fleet would cost is not known: ${(error as Error).message}`, resource);
    return fleetCost(fleet, [...planned.map(withoutMarket), ...volumes]);
  }
}

async function askMarket(planned: readonly PlannedWorker[]) {
  const { PRICE_PATIENCE, marketInWords, priceWorkers } = await pricing();
  const question = async (context: Parameters<typeof priceWorkers>[0]) => {
    const prices = await priceWorkers(context, planned);
    return { prices, market: await marketInWords(context, prices) };
  };
  return ask("prices", question, PRICE_PATIENCE);
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const late = async (): Promise<never> => {
    await pause(LONGEST_WAIT_MS, undefined, { ref: false });
    throw new Error(`the service has not answered within ${LONGEST_WAIT_MS / 1000} s`);
  };
  return Promise.race([answer, late()]);
}

/** Its price where the state has it. */
function withoutMarket({ name, kept }: PlannedWorker): Price {
  return { name, kind: "worker", toRent: kept === undefined, team: undefined, dph: kept?.dph ?? "not known" };
}

async function plannedWorker(
  { name, resource, inputs, volume, volumeGb }: FleetMember,
  wanted: readonly string[],
): Promise<PlannedWorker> {
  const given = Object.entries(inputs).filter(([key]) => wanted.includes(key) && key !== "volume");
  const own = await known(pulumi.output(Object.fromEntries(given)));
  const mounted = await known(pulumi.output(inputs.volume));
  return {
    name,
    inputs: own && { ...own, ...(mounted ? { volume: mounted } : {}) },
    volumeGb: volume && mounted === undefined ? volumeGb : undefined,
    kept: await keptOf(resource),
  };
}

/** An id that a preview knows is that of a contract which stays: one to be made, or replaced, has none yet. */
async function keptOf({ id, dph, dphStorage, machineId }: VastInstance): Promise<Kept | undefined> {
  const contract = Number(await known(id));
  if (!(contract > 0)) return undefined;
  const [total, storage, machine] = await Promise.all([known(dph), known(dphStorage), known(machineId)]);
  return { contract, dph: total, dphStorage: storage, machineId: machine };
}

async function keptVolume({ name, volume }: FleetMember): Promise<Price | undefined> {
  if (volume === undefined || (await known(volume.id)) === undefined) return undefined;
  const dph = (await known(volume.dph)) ?? "not known";
  return { name: `${name}-volume`, kind: "volume", toRent: false, team: undefined, dph };
}

/** The value, or undefined where this preview does not know it. The SDK tells it only in what its declarations leave out. */
async function known<T>(output: pulumi.Output<T>): Promise<T | undefined> {
  const { isKnown } = output as unknown as { isKnown: Promise<boolean> };
  if (!(await isKnown)) return undefined;
  return new Promise((resolve) => {
    output.apply((value) => resolve(value as T));
  });
}

/**
 * In a preview: what all these fleets would cost, against what was agreed on and the account's credit. To be called last,
 * and waited for, so that the preview does not end before.
 */
export async function previewStackCost(
  fleets: readonly { cost: pulumi.Output<FleetCost | undefined> }[],
  limits: StackLimits,
): Promise<void> {
  if (!pulumi.runtime.isDryRun() || fleets.length === 0) return;
  const costs = (await Promise.all(fleets.map(({ cost }) => known(cost)))).filter((cost) => cost !== undefined);
  const [{ stackCost }, { PRICE_PATIENCE }] = await Promise.all([sums(), pricing()]);
  const account = ask("credit", (context) => context.account(), PRICE_PATIENCE);
  const credit = await inTime(account).then(
    (found) => found.credit ?? undefined,
    () => "not known" as const,
  );
  const { text, isAlarming } = stackCost(costs, limits, credit);
  await (isAlarming ? pulumi.log.warn(text) : pulumi.log.info(text));
}
