import type { OperatorStack } from "../../operator/stack.ts";
import type { Held } from "./vast-world.ts";

/** A stack whose state holds what was created, each in a fleet of its own, as far as reading goes. */
export function stackHolding(held: readonly Held[]): OperatorStack {
  const recorded = held.map(({ id, state }) => ({
    urn: `urn:pulumi:dev::p::vast:index:Fleet$pulumi-nodejs:dynamic/vast:Instance::${state.label}`,
    type: "Instance" as const,
    id,
    inputs: state,
    props: state,
  }));
  const knowledge = async () => ({ markPrefix: "", recorded, pending: [] });
  return { knowledge, fleets: { read: () => ({}) } } as unknown as OperatorStack;
}
