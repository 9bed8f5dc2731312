import { setState } from "./contract-state.ts";
import { rearmExpiry } from "./lifecycle.ts";
import type { PriceIncrease } from "./records.ts";
import type { Contract } from "./types.ts";
import type { World } from "./world.ts";

/** A host offers to go on after the contract's end, for more (vast-api.md 8.6). */
export function askIncrease(world: World, contract: Contract, factor: number, extensionS: number): PriceIncrease {
  const increase: PriceIncrease = {
    id: world.nextNumber("price increase"),
    contractId: contract.id,
    accountId: contract.accountId,
    newDphBase: contract.dphBase * factor,
    oldDphBase: contract.dphBase,
    askEndDate: contract.endDate + extensionS,
    createdAt: world.now,
  };
  world.priceIncreases.set(increase.id, increase);
  world.record("price-increase-asked", { contract: contract.id, factor });
  return increase;
}

/** The present price holds until the old end, the new one from there to the new end. */
export function acceptIncrease(world: World, increase: PriceIncrease): void {
  const contract = world.contracts.get(increase.contractId);
  if (!contract || contract.destroyedAt !== null) return;
  const changesAt = contract.endDate;
  contract.endDate = increase.askEndDate;
  rearmExpiry(world, contract);
  world.record("price-increase-accepted", { contract: contract.id, changesAt });
  world.clock.at(changesAt, `new price of ${contract.id}`, () => {
    if (contract.destroyedAt !== null) return;
    contract.dphBase = increase.newDphBase;
    setState(world, contract, {}, "new price");
  });
}
