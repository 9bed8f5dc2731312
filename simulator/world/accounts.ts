import { type Account, type ApiKey, GOOD_STANDING } from "./types.ts";
import type { World } from "./world.ts";

export class DuplicateKeyError extends Error {}

export function addAccount(
  world: World,
  options: { apiKey: string; creditUsd: number; parentId?: number | null; email?: string; username?: string },
): Account {
  if (world.keys.has(options.apiKey)) throw new DuplicateKeyError("this API key belongs to an account already");
  const number = world.nextNumber("account");
  const id = 171_000 + number * 37;
  const account: Account = {
    id,
    username: options.username ?? `renter${number}`,
    email: options.email ?? `renter${number}@example.com`,
    fullname: `Renter ${number}`,
    createdAt: world.now,
    parentId: options.parentId ?? null,
    keys: [],
    sshKeys: [],
    secrets: new Map(),
    profile: {},
    autobill: null,
    balanceThreshold: null,
    hasRented: false,
    standing: { ...GOOD_STANDING },
    graceUsd: null,
  };
  world.accounts.set(id, account);
  addKey(world, account, { key: options.apiKey, name: "default", permissions: null, instanceId: null });
  if (options.creditUsd !== 0) world.ledger.pay(world.now, id, "credit", options.creditUsd, "simulated top-up");
  world.record("account", { account: id });
  return account;
}

export function addKey(world: World, account: Account, options: Omit<ApiKey, "id" | "createdAt">): ApiKey {
  const key: ApiKey = { ...options, id: world.nextNumber("api-key"), createdAt: world.now };
  account.keys.push(key);
  world.keys.set(key.key, { account, key });
  return key;
}

export function removeKey(world: World, account: Account, key: ApiKey): void {
  account.keys = account.keys.filter((candidate) => candidate !== key);
  world.keys.delete(key.key);
  if (world.choices.deletedKeyStatus === 401) world.deletedKeys.add(key.key);
}
