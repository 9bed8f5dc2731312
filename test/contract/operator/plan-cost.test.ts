import { expect, test } from "vitest";
import type { Fleets } from "../../../operator/fleet/read.ts";
import { expectedCosts } from "../../../operator/plan/cost.ts";
import type { PlannedChanges } from "../../../operator/stack/preview.ts";
import type { StackResource } from "../../../operator/stack/state.ts";
import { survey } from "../../../provider/lifecycle/reconcile/survey.ts";
import { checked, create, startWorld, worker } from "../../support/vast-world.ts";

const urnOf = (name: string) => `urn:pulumi:dev::p::vast:index:Fleet$vast:Instance::${name}`;
const parentOf = (fleet: string) => `urn:pulumi:dev::p::vast:index:Fleet::${fleet}`;

function declared(fleet: string, n: number): StackResource {
  const inputs = checked(worker());
  return { urn: urnOf(`${fleet}-worker-${n}`), type: "Instance", parent: parentOf(fleet), inputs, props: inputs };
}

test("a plan's fleets cost what they do and what their new workers would get, with no machine twice between two of them", async () => {
  await using world = await startWorld();
  const held = await create(world.context());
  const { observed } = await survey(world.context(), async () => ({ markPrefix: "", recorded: [], pending: [] }));
  const row = observed.rows.get(Number(held.id));
  const resources = [declared("a", 0), declared("a", 1), declared("b", 0)];
  const kept = { urn: resources[0]?.urn, row, contract: row?.id };
  const fleets = { workers: [kept], fleets: [{ name: "a" }, { name: "b" }, { name: "empty" }] } as unknown as Fleets;
  const steps = resources.slice(1).map(({ urn }) => ({ op: "create", urn }));

  const costs = await expectedCosts(world.context(), fleets, {
    declared: resources,
    steps,
  } as unknown as PlannedChanges);

  expect(costs).toMatchObject([
    { fleet: "a", workers: 2, toRent: 1, unplaced: 0 },
    { fleet: "b", workers: 1, toRent: 1, unplaced: 0 },
    { fleet: "empty", workers: 0, toRent: 0, dph: 0 },
  ]);
  const [a, b] = costs;
  const first = (a?.dph ?? 0) - (row?.dph_total ?? 0);
  expect(first).toBeGreaterThan(0);
  // The next best offer, not the same once more.
  expect(b?.dph).toBeGreaterThan(first);
});
