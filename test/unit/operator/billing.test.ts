import { expect, test } from "vitest";
import { billedDph } from "../../../operator/billing.ts";
import { instanceRow } from "../../support/rows.ts";

const machine = { dph_total: 0.5, disk_space: 72, storage_cost: 0.1 };
const DISK = 0.01;

test.each([
  ["that runs bills all of it", { actual_status: "running" }, 0.5],
  ["whose process has crashed bills all of it", { actual_status: "exited", intended_status: "running" }, 0.5],
  ["that is pulling its image bills its disk", { actual_status: "loading" }, DISK],
  [
    "that is stopped bills its disk",
    { actual_status: "exited", intended_status: "stopped", cur_state: "stopped" },
    DISK,
  ],
  ["that waits for its GPU bills its disk", { actual_status: "exited", cur_state: "stopped" }, DISK],
  ["that was outbid bills its disk", { actual_status: "exited", intended_status: "stopped", is_bid: true }, DISK],
  ["whose host is offline bills nothing", { actual_status: "offline" }, 0],
])("a contract %s", (_, row, usdPerHour) => {
  expect(billedDph(instanceRow({ ...machine, ...row }))).toBeCloseTo(usdPerHour, 9);
});
