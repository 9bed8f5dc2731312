import { machineAddress } from "./addresses.ts";
import { makeMachine } from "./machine-factory.ts";
import { mayHost } from "./placement.ts";
import type { RandomStream } from "./random.ts";
import type { Machine, Rental } from "./types.ts";
import type { World } from "./world.ts";

/** Fills the world with machines until there are enough offers. Part of them is rented by others already. */
export function populate(world: World, offerCount: number): void {
  const draw = world.random.stream("market/machines");
  const hostCount = Math.max(3, Math.round(offerCount / 18));
  for (let index = 0; index < hostCount; index += 1) world.hostIds.push(world.nextId("host"));
  let gpuId = 82_000;
  const ids = {
    nextMachineId: () => world.nextId("machine"),
    nextOfferId: () => world.nextId("offer"),
    nextGpuId: () => {
      gpuId += 1;
      return gpuId;
    },
    address: (machineId: number) => machineAddress(machineId, world.loopbackBlock),
  };
  while (world.offers.size < offerCount) {
    const machine = makeMachine(draw, ids, world.hostIds, world.now);
    world.machines.set(machine.id, machine);
    for (const offer of machine.offers) world.offers.set(offer.id, offer);
    if (machine.volumeAsk) world.volumeAsks.set(machine.volumeAsk.id, machine);
  }
  for (const machine of world.machines.values()) rentOutPart(world, machine);
}

function rentOutPart(world: World, machine: Machine): void {
  const draw = world.random.once(`others on machine ${machine.id}`);
  if (!draw.chance(0.35)) return;
  const offer = draw.pick(machine.offers);
  rentToOther(world, machine, offer.gpuIndexes, draw);
}

/** Somebody outside the simulated accounts rents GPUs, where their claim is strong enough. */
export function rentToOther(
  world: World,
  machine: Machine,
  gpuIndexes: readonly number[],
  draw: RandomStream,
  displace: (gpuIndexes: readonly number[]) => void = () => undefined,
): Rental | undefined {
  const isBid = draw.chance(0.3);
  const dphPerGpu = isBid ? machine.minBidPerGpu * draw.between(1, 1.6) : machine.dphPerGpu;
  if (!mayHost(machine, gpuIndexes, { isBid, dphPerGpu })) return undefined;
  displace(gpuIndexes);
  const rental: Rental = { id: world.nextNumber("rental"), contractId: null, gpuIndexes, isBid, dphPerGpu };
  machine.rentals.push(rental);
  world.record("other-rents", { machineId: machine.id, gpus: gpuIndexes.length, isBid });
  return rental;
}
