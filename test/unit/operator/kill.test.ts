import { expect, test } from "vitest";
import type { FleetEntry } from "../../../operator/fleet/config.ts";
import { editsToKeepDown, membersOf } from "../../../operator/kill/members.ts";
import { MARK_VARIABLE, makeMark } from "../../../provider/lifecycle/mark.ts";
import { instanceRow } from "../../support/rows.ts";

const fleet = (workers: number): FleetEntry => ({ workers, absent: [], worker: "worker", with: {}, overrides: {} });
const fleets = { zeb: fleet(3), "zeb-large": fleet(2), trainer: fleet(0) };
const identity = { project: "shop", stack: "prod", owner: "o" };
const set = (name: string, path: string, value: unknown) => ({ fleet: name, path: [path], value });
const rented = (name: string, id = 1) =>
  instanceRow({ id, label: "precious", extra_env: [[MARK_VARIABLE, makeMark({ ...identity, name })]] });

test("after a kill of single workers their fleet goes on without them, and no up rents them again", () => {
  expect(editsToKeepDown(fleets, "zeb-worker-1", [{ fleet: "zeb", number: 1 }])).toEqual([
    set("zeb", "workers", 2),
    set("zeb", "absent", [1]),
  ]);
});

test("after a kill of fleets they have no workers in the config, and other fleets keep theirs", () => {
  expect(
    editsToKeepDown(
      fleets,
      "zeb-large",
      [0, 1].map((number) => ({ fleet: "zeb-large", number })),
    ),
  ).toEqual([set("zeb-large", "workers", 0)]);
  expect(editsToKeepDown(fleets, undefined, [])).toEqual([set("zeb", "workers", 0), set("zeb-large", "workers", 0)]);
});

test("a worker is known by its mark although somebody has changed its label, an adopted one by the state", () => {
  const memberOf = membersOf(fleets, identity, new Map([[7, "zeb-worker-2"]]));
  expect(memberOf(rented("zeb-large-worker-0"))).toEqual({ fleet: "zeb-large", number: 0 });
  expect(memberOf(instanceRow({ id: 7, extra_env: [] }))).toEqual({ fleet: "zeb", number: 2 });
  expect(memberOf(rented("zeb-worker-9"))).toBeUndefined();
  expect(memberOf(instanceRow({ id: 8, extra_env: [] }))).toBeUndefined();
});
