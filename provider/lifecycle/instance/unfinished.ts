import { VastError } from "../../api/errors.ts";
import type { InstanceInputs } from "./inputs.ts";
import type { InstanceFacts } from "./outputs.ts";

/**
 * A contract that exists and is not as asked yet. The engine keeps what such an error carries, with the reason ("initialized
 * partially"), and the next up goes on from there: a rented contract is never forgotten, and a long wait not begun anew.
 */
export function unfinished(
  what: string,
  reason: string,
  contract: { inputs: InstanceInputs; facts: InstanceFacts; provider: unknown },
  fix?: string,
): Error {
  const { inputs, facts, provider } = contract;
  const message = `${inputs.label}: contract ${facts.contractId} is ${what}, but not finished: ${reason}`;
  const failure = new VastError("blocked", message, fix === undefined ? {} : { fix });
  return Object.assign(failure, {
    id: String(facts.contractId),
    properties: JSON.parse(JSON.stringify({ ...inputs, ...facts, __provider: provider })) as unknown,
    reasons: [reason],
  });
}

export function isUnfinished(error: unknown): boolean {
  return error instanceof VastError && "reasons" in error;
}
