import { expect, test } from "vitest";
import type { ReconcileOptions } from "../../../operator/commands/reconcile.ts";
import { planOf, stillAgreed } from "../../../operator/reconcile/plan.ts";
import { classify, type KnownResource, type StackKnowledge } from "../../../provider/lifecycle/reconcile/findings.ts";
import { markedRow } from "../../support/rows.ts";

const PREFIX = "aaaaaaaaaaaa";
const markOf = (id: number) => PREFIX + String(id).padStart(20, "0");
const resource = (id: number): KnownResource => ({
  urn: `urn::worker-${id}`,
  type: "Instance",
  props: { mark: markOf(id) },
});

/** Three lost contracts, 1 to 3, of which the program declares what it is said to. */
function found(known: Partial<StackKnowledge> = {}) {
  const rows = new Map([1, 2, 3].map((id) => [id, markedRow(id, markOf(id))]));
  const observed = { rows, volumes: [], parked: [], gone: new Set<string>() };
  return classify(observed, { markPrefix: PREFIX, recorded: [], pending: [], program: [], ...known });
}

const options = (different: Partial<ReconcileOptions>): ReconcileOptions => ({ cwd: ".", ...different });
const destroyed = (...args: Parameters<typeof planOf>) => [...planOf(...args).destroy];

test("without ids only what no resource asks for is destroyed", () => {
  expect(destroyed(found({ program: [resource(2)] }), options({ destroy: true }))).toEqual([1, 3]);
});

test("without ids nothing is destroyed while the program cannot be asked", () => {
  expect(destroyed(found({ program: undefined }), options({ destroy: true }))).toEqual([]);
});

test("an id that is not lost is refused, with all that were named beside it", () => {
  expect(() => planOf(found(), options({ destroy: [1, 99] }))).toThrow(
    /99 is no lost or parked contract.*nothing was changed/,
  );
});

test("what the program asks for again by the time of the destroy is left to it", () => {
  const all = options({ destroy: true });
  const plan = planOf(found(), all);
  expect([...stillAgreed(plan, found({ program: [resource(1)] }), all)]).toEqual([2, 3]);
  expect([...stillAgreed(plan, found({ program: undefined }), all)]).toEqual([]);
});

test("what the state knows by the time of the destroy is not destroyed, also when it was named", () => {
  const named = options({ destroy: [1, 2] });
  const adopted = { ...resource(1), id: "1" };
  expect([...stillAgreed(planOf(found(), named), found({ recorded: [adopted] }), named)]).toEqual([2]);
});

test("the question says that nothing is copied when a reason was given for it", () => {
  const { steps } = planOf(found(), options({ destroy: [1], waive: "nothing of value on it" }));
  expect(steps.join("\n")).toMatch(/Refresh the state first[\s\S]*Destroy contract 1[\s\S]*NOTHING IS COPIED OUT/);
});

test("nothing is asked where nothing would be done", () => {
  expect(planOf(found(), options({ refresh: true })).steps).toEqual([]);
  expect(planOf(found(), options({ adopt: true })).steps).toEqual([]);
});
