import { describe, expect, test } from "vitest";
import { checkInputs, UNKNOWN } from "../../../provider/lifecycle/check.ts";
import { crossChecks } from "../../../provider/lifecycle/instance/cross-checks.ts";
import { changedInputs } from "../../../provider/lifecycle/instance/diff.ts";
import { inputsSchema } from "../../../provider/lifecycle/instance/inputs.ts";
import { factsOf } from "../../../provider/lifecycle/instance/outputs.ts";
import { plain } from "../../../provider/lifecycle/instance/read.ts";
import { instanceRow } from "../../support/rows.ts";

const given = { mark: "0123456789abcdef", label: "trainer-0", image: "a:1", disk: 50, offer: { gpu: "A100" } };
const check = (inputs: Record<string, unknown>) => checkInputs(inputsSchema, inputs, crossChecks).inputs;
const rental = { home: { endpoint: "https://a", accountId: 1 }, alternatives: 3, offerId: 5, everRan: true };
/** As the engine keeps it: inputs with their defaults, and the facts beside them. */
const state = plain({ ...check(given), ...factsOf(instanceRow(), rental, {}), __provider: "code" });
const changed = (different: Record<string, unknown>, old = state) => [
  ...changedInputs(old, check({ ...given, ...different })),
];

describe("inputs that changed", () => {
  test("are none when the program is the same, whatever the outputs and the provider's code are", () => {
    expect(changed({})).toEqual([]);
    expect([...changedInputs(state, { ...check(given), __provider: "newer code" })]).toEqual([]);
  });

  test("are none when a default is written out, or a GPU by another of its names", () => {
    expect(changed({ runtype: "ssh_direct", state: "running" })).toEqual([]);
    expect(changed({ offer: { gpu: ["A100"], verified: true, count: 1 } })).toEqual([]);
  });

  test.for<[string, Record<string, unknown>]>([
    ["label", { label: "other" }],
    ["disk", { disk: 60 }],
    ["image", { image: "a:2" }],
    ["env", { env: { A: "1" } }],
    ["ports", { ports: [8000] }],
    ["offer", { offer: { gpu: "A100", maxDph: 2 } }],
    ["bid", { bid: 0.2 }],
    ["state", { state: "stopped" }],
    ["image", { image: UNKNOWN }],
  ])("are named: %s", ([name, different]) => {
    expect(changed(different)).toEqual([name]);
  });

  test("are seen when a property is taken out", () => {
    const before = plain({ ...state, ...check({ ...given, onstart: "echo hi" }) });
    expect(changed({}, before)).toEqual(["onstart"]);
  });

  test("do not count a default that the state lacks, because it is of an earlier release", () => {
    const { maxTries, ...earlier } = state as Record<string, unknown>;
    expect(maxTries).toBeDefined();
    expect(changed({}, earlier)).toEqual([]);
    expect(changed({ maxTries: 2 }, earlier)).toEqual(["maxTries"]);
  });

  test("do not count the resource's name, which states from earlier versions lack", () => {
    expect(changed({ resource: "trainer-0" })).toEqual([]);
  });

  test("do not count taking `adopt` out after the adoption", () => {
    expect(changed({}, plain({ ...state, adopt: 36_717_044 }))).toEqual([]);
  });
});
