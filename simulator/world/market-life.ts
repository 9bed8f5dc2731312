import { bringHostOnline, takeHostOffline } from "./hosts.ts";
import { evict, serveQueue } from "./lifecycle.ts";
import { round } from "./machine-factory.ts";
import { rentToOther } from "./market.ts";
import { losers } from "./placement.ts";
import { askIncrease } from "./price-increases.ts";
import type { RandomStream } from "./random.ts";
import type { Machine, Rental } from "./types.ts";
import type { World } from "./world.ts";

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

/** Share of machines that somebody else rents part of, on average. */
const OTHERS_SHARE = 0.45;
const MEAN_STAY_S = 16 * HOUR_S;
const MEAN_OUTAGE_S = 40 * 60;
/** A price moves about this often per machine, by up to a tenth, and stays near where it began. */
const PRICE_EVERY_S = 18 * HOUR_S;
const PRICE_STEP = 0.1;
const PRICE_BOUNDS: readonly [number, number] = [0.7, 1.5];
/** Hosts ask for more money this long before a contract ends, sometimes. */
const INCREASE_LEAD_S = 2 * DAY_S;
const INCREASE_EVERY_S = 6 * HOUR_S;
const INCREASE_CHANCE = 0.15;

/** Sets the market going: renters outside the accounts, moving prices, hosts that fail and return, new listing ends. */
export function enliven(world: World): void {
  const machines = [...world.machines.values()];
  const arrivals = (machines.length * OTHERS_SHARE) / MEAN_STAY_S;
  const renters = world.random.stream("market/renters");
  repeat(world, "another renter", renters, 1 / arrivals, () => arrive(world, renters));
  const prices = world.random.stream("market/prices");
  repeat(world, "a price moves", prices, PRICE_EVERY_S / machines.length, () =>
    movePrice(world, prices.pick(machines), prices),
  );
  const wishes = world.random.stream("market/price increases");
  repeat(world, "hosts ask for more", wishes, INCREASE_EVERY_S, () => askForMore(world, wishes));
  for (const machine of machines) {
    for (const rental of machine.rentals) leaveLater(world, machine, rental, renters);
    scheduleOutage(world, machine);
    scheduleRelisting(world, machine);
  }
}

/** Exponential gaps: what comes independently of each other. */
function repeat(world: World, name: string, draw: RandomStream, meanS: number, run: () => void): void {
  world.clock.after(gap(draw, meanS), name, () => {
    run();
    repeat(world, name, draw, meanS, run);
  });
}

function gap(draw: RandomStream, meanS: number): number {
  return -Math.log(1 - draw.next()) * meanS;
}

function arrive(world: World, draw: RandomStream): void {
  const machine = draw.pick([...world.machines.values()]);
  const offer = draw.pick(machine.offers);
  if (offer.removed || !machine.online) return;
  const rental = rentToOther(world, machine, offer.gpuIndexes, draw, (gpuIndexes) => {
    // A stronger claim takes the cards from whoever holds them on a bid, ours included.
    for (const loser of losers(machine, gpuIndexes)) evict(world, machine, loser);
  });
  if (rental) leaveLater(world, machine, rental, draw);
}

function leaveLater(world: World, machine: Machine, rental: Rental, draw: RandomStream): void {
  if (rental.contractId !== null) return;
  rental.leaving = world.clock.after(gap(draw, MEAN_STAY_S), `renter ${rental.id} leaves`, () => {
    if (!machine.rentals.includes(rental)) return;
    machine.rentals = machine.rentals.filter((other) => other !== rental);
    world.record("other-leaves", { machineId: machine.id });
    serveQueue(world, machine);
  });
}

/** Contracts keep the price they were rented at (vast-api.md 8.6): only offers change. */
function movePrice(world: World, machine: Machine, draw: RandomStream): void {
  const [low, high] = machine.model.dph;
  const middle = (low + high) / 2;
  const moved = machine.dphPerGpu * (1 + draw.between(-PRICE_STEP, PRICE_STEP));
  machine.dphPerGpu = round(Math.min(Math.max(moved, middle * PRICE_BOUNDS[0] * 0.6), middle * PRICE_BOUNDS[1]), 6);
  machine.minBidPerGpu = round(machine.dphPerGpu * draw.between(0.35, 0.65), 6);
  world.record("price", { machineId: machine.id, dphPerGpu: machine.dphPerGpu });
}

/** A host's reliability is the share of time it is up: with a mean outage that gives the time between outages. */
function scheduleOutage(world: World, machine: Machine): void {
  const draw = world.random.once(`outage of ${machine.id} after ${world.now}`);
  const upS = (MEAN_OUTAGE_S * machine.reliability) / Math.max(1e-4, 1 - machine.reliability);
  world.clock.after(gap(draw, upS), `outage of machine ${machine.id}`, () => {
    takeHostOffline(world, machine);
    world.clock.after(gap(draw, MEAN_OUTAGE_S) + 60, `machine ${machine.id} returns`, () => {
      bringHostOnline(world, machine);
      scheduleOutage(world, machine);
    });
  });
}

/** Hosts list their machines anew when the old listing ends; running contracts keep their own end. */
function scheduleRelisting(world: World, machine: Machine): void {
  world.clock.at(machine.endDate, `listing of machine ${machine.id} ends`, () => {
    machine.endDate = world.now + world.random.once(`listing ${machine.id} ${world.now}`).between(7, 90) * DAY_S;
    world.record("relisted", { machineId: machine.id, endDate: machine.endDate });
    scheduleRelisting(world, machine);
  });
}

function askForMore(world: World, draw: RandomStream): void {
  const asked = new Set([...world.priceIncreases.values()].map((increase) => increase.contractId));
  for (const contract of world.contracts.values()) {
    const soon = contract.endDate - world.now < INCREASE_LEAD_S && contract.endDate > world.now;
    if (contract.destroyedAt !== null || !soon || asked.has(contract.id) || !draw.chance(INCREASE_CHANCE)) continue;
    askIncrease(world, contract, draw.between(1.02, 1.4), 30 * DAY_S);
  }
}
