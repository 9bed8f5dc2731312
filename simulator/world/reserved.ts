import { HOURS_PER_MONTH, updateMeters } from "./contract-state.ts";
import type { Contract } from "./types.ts";
import type { World } from "./world.ts";

/** 8.11: refund = what is left − the discount enjoyed − a fee of 5 % of it. */
const FEE = 0.05;

/**
 * Discount by months covered (vast-api.md 8.11): 0.2 at one month, 0.3 at three. Below one month the formula is not
 * published; this curve meets the document's sample (0.546 months, 3.5 %).
 */
export function discountFor(months: number, most: number): number {
  const steps =
    months <= 1 ? 0.2 * months ** 2.88 : months <= 3 ? 0.2 + 0.05 * (months - 1) : 0.3 + (0.1 / 3) * (months - 3);
  return Math.min(steps, most);
}

/** Money of the account set aside for one contract's compute; each top-up counts the discount anew. */
export function prepay(world: World, contract: Contract, amount: number): { months: number; discountRate: number } {
  const machine = world.machineOf(contract);
  const left = world.ledger.remainingDeposit(contract.id, world.now);
  const deposit = left + amount;
  const months = deposit / contract.dphBase / HOURS_PER_MONTH;
  const discountRate = discountFor(months, machine.creditDiscountMax);
  world.clock.cancel(contract.prepaid?.end);
  const enjoyed = (contract.prepaid?.enjoyedBefore ?? 0) + enjoyedSince(world, contract);
  contract.prepaid = { deposit, discountRate, months, since: world.now, enjoyedBefore: enjoyed, end: undefined };
  world.ledger.deposit(contract.accountId, contract.id, deposit, world.now);
  world.record("prepaid", { contract: contract.id, amount, months, discountRate });
  updateMeters(world, contract);
  return { months, discountRate };
}

function enjoyedSince(world: World, contract: Contract): number {
  const { prepaid } = contract;
  if (!prepaid) return 0;
  const used = prepaid.deposit - world.ledger.remainingDeposit(contract.id, world.now);
  return (used / (1 - prepaid.discountRate)) * prepaid.discountRate;
}

export function enjoyedDiscount(world: World, contract: Contract): number {
  return (contract.prepaid?.enjoyedBefore ?? 0) + enjoyedSince(world, contract);
}

/** Ends the reservation at a destroy: what is left goes back, less the discount enjoyed and the fee. */
export function refundDeposit(world: World, contract: Contract): void {
  if (!contract.prepaid) return;
  const left = world.ledger.remainingDeposit(contract.id, world.now);
  const kept = Math.min(left, enjoyedDiscount(world, contract) * (1 + FEE));
  world.clock.cancel(contract.prepaid.end);
  world.ledger.endDeposit(contract.id);
  if (kept > 0)
    world.ledger.pay(world.now, contract.accountId, "reserved", -kept, `reservation of ${contract.id} ended`);
  contract.prepaid = null;
}
