import { destroy, stopForCredit } from "./lifecycle.ts";
import { deleteVolume } from "./volumes.ts";
import type { World } from "./world.ts";

const HOUR_S = 3600;
const DAY_S = 86_400;
/** Past the exact moment, so that the credit is at or below zero when the event looks. */
const AFTER_S = 0.001;

/**
 * Credit at or below zero stops running instances at once; disks and volumes go on into the negative (vast-api.md 8.7).
 * Without a card on file all of it is deleted once a buffer of some days' spending is used up as well. The moments are
 * known from the rates, so it is one event per account, moved whenever a rate or the credit changes.
 */
export function watchCredit(world: World, accountId: number): void {
  world.clock.cancel(world.creditEvents.get(accountId));
  world.creditEvents.delete(accountId);
  const { now } = world;
  const rate = world.ledger.burnRate(accountId, now);
  const credit = world.ledger.credit(accountId, now);
  const account = world.account(accountId);
  if (credit > 0) account.graceUsd = null;
  if (rate <= 0) return;
  const inGrace = account.graceUsd !== null && !computes(world, accountId);
  const leftUsd = inGrace ? credit + (account.graceUsd ?? 0) : credit;
  const inSeconds = (Math.max(0, leftUsd) / rate) * HOUR_S;
  const event = world.clock.after(inSeconds + AFTER_S, `credit of ${accountId}`, () =>
    inGrace ? deleteAll(world, accountId) : exhausted(world, accountId),
  );
  world.creditEvents.set(accountId, event);
}

/** How far into the negative an account may go: grows with what it spent a day (8.7; the length is undocumented). */
function graceUsd(world: World, accountId: number): number {
  const days = Math.max(1, (world.now - world.account(accountId).createdAt) / DAY_S);
  return (world.choices.creditGraceDays * world.ledger.spent(accountId, world.now)) / days;
}

function deleteAll(world: World, accountId: number): void {
  world.creditEvents.delete(accountId);
  world.record("deleted-for-credit", { account: accountId });
  for (const contract of world.listed(accountId)) destroy(world, contract);
  for (const volume of world.volumes.values()) {
    if (volume.accountId === accountId && volume.deletedAt === null) deleteVolume(world, volume);
  }
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
  world.account(accountId).graceUsd ??= graceUsd(world, accountId);
  for (const contract of world.listed(accountId)) {
    if (contract.destroyedAt === null && contract.cur === "running") stopForCredit(world, contract);
  }
  watchCredit(world, accountId);
}

function computes(world: World, accountId: number): boolean {
  return world.listed(accountId).some((contract) => contract.destroyedAt === null && contract.cur === "running");
}
