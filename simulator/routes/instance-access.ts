import type { Call } from "../http/endpoint.ts";
import type { Contract } from "../world/types.ts";

/** The caller's own contract that still exists; another account's looks as if there were none. */
export function ownContract(call: Call, id: unknown): Contract | undefined {
  const number = typeof id === "string" || typeof id === "number" ? Number(id) : Number.NaN;
  const contract = call.world.contracts.get(number);
  if (!contract || contract.accountId !== call.account.id || contract.destroyedAt !== null) return undefined;
  return contract;
}

export function isId(text: unknown): boolean {
  const number = Number(text);
  return Number.isInteger(number) && number > 0;
}
