import { expect, test } from "vitest";
import { fleetOf } from "../../../policies/stack.ts";

test("a fleet is the component that is the parent itself, by its name", () => {
  expect(fleetOf("urn:pulumi:dev::project::vast:index:Fleet::trainer")).toBe("trainer");
  expect(fleetOf("urn:pulumi:dev::project::my:index:Team$vast:index:Fleet::trainer")).toBe("trainer");
});

test.each([
  undefined,
  "no URN",
  "urn:pulumi:dev::project::pulumi:pulumi:Stack::project-dev",
  "urn:pulumi:dev::project::vast:index:Fleet$my:index:Part::part",
])("no fleet is %s", (parent) => {
  expect(fleetOf(parent)).toBeUndefined();
});
