import { stopForCredit } from "./lifecycle.ts";
import type { World } from "./world.ts";

const HOUR_S = 3600;
/** Past the exact moment, so that the credit is at or below zero when the event looks. */
const AFTER_S = 0.001;

/**
 * Credit at or below zero stops running instances at once; disks and volumes go on into the negative (vast-api.md 8.7).
 * The moment is known from the rates, so it is one event per account, moved whenever a rate or the credit changes.
 */
export function watchCredit(world: World, accountId: number): void {
  world.clock.cancel(world.creditEvents.get(accountId));
  world.creditEvents.delete(accountId);
  const { now } = world;
  const rate = world.ledger.burnRate(accountId, now);
  const credit = world.ledger.credit(accountId, now);
  if (rate <= 0 || (credit <= 0 && !computes(world, accountId))) return;
  const inSeconds = credit <= 0 ? 0 : (credit / rate) * HOUR_S;
  const event = world.clock.after(inSeconds + AFTER_S, `credit of ${accountId}`, () => exhausted(world, accountId));
  world.creditEvents.set(accountId, event);
}

function exhausted(world: World, accountId: number): void {
  world.creditEvents.delete(accountId);
  const credit = world.ledger.credit(accountId, world.now);
  if (credit > 0) {
    watchCredit(world, accountId);
    return;
  }
  const { autobill } = world.account(accountId);
  if (autobill) {
    // 8.7: with a saved card the account is charged and instances survive.
    world.ledger.pay(world.now, accountId, "credit", autobill.amount, "autobill");
    world.record("autobill", { account: accountId, amount: autobill.amount });
    watchCredit(world, accountId);
    return;
  }
  world.record("credit-exhausted", { account: accountId, credit });
  for (const contract of world.listed(accountId)) {
    if (contract.destroyedAt === null && contract.cur === "running") stopForCredit(world, contract);
  }
}

function computes(world: World, accountId: number): boolean {
  return world.listed(accountId).some((contract) => contract.destroyedAt === null && contract.cur === "running");
}
