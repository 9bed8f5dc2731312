import { describe, expect, test } from "vitest";
import { bootOf, failedBoot } from "../../../provider/lifecycle/instance/boot.ts";
import { heldClock } from "../../support/held-clock.ts";
import { instanceRow } from "../../support/rows.ts";

const RENTED = 1_000_000;
const clock = heldClock();
/** A contract that is loading, `ageS` seconds after it was rented, by its own service's clock. */
const loading = (ageS: number, status_msg = "pulling", ran = false) =>
  instanceRow({
    actual_status: "loading",
    intended_status: "running",
    cur_state: "running",
    status_msg,
    start_date: RENTED,
    end_date: RENTED + 900_000,
    duration: 900_000 - ageS,
    gpu_util: ran ? 90 : null,
    gpu_temp: ran ? 60 : null,
    mem_usage: ran ? 4 : null,
  });
const said = { status: "loading", statusMessage: "pulling", everRan: false };

describe("a boot", () => {
  test("of a contract that never ran began when it was rented", () => {
    expect(bootOf(loading(500), {}, clock)).toEqual({ since: RENTED, movedAt: RENTED + 500 });
  });

  test("that says the same as the state recorded has not moved since", () => {
    const before = { ...said, boot: { since: RENTED, movedAt: RENTED + 100 } };
    expect(bootOf(loading(500), before, clock)?.movedAt).toBe(RENTED + 100);
    expect(bootOf(loading(500, "extracting"), before, clock)?.movedAt).toBe(RENTED + 500);
  });

  test("is recorded no later than it was, so that what was late once stays late", () => {
    expect(bootOf(loading(500.7), {}, clock)?.movedAt).toBe(RENTED + 500);
    const recorded = { ...said, boot: bootOf(loading(100.7), {}, clock) };
    expect(failedBoot(loading(400.8), recorded, 300, clock)).toBe("no progress for 301 s");
  });

  test("is over once the container runs", () => {
    expect(bootOf(instanceRow({ actual_status: "running", intended_status: "running" }), said, clock)).toBeUndefined();
  });

  test("has failed when it said nothing new for bootTimeout, or took four times that", () => {
    const before = { ...said, boot: { since: RENTED, movedAt: RENTED + 100 } };
    expect(failedBoot(loading(390), before, 300, clock)).toBeUndefined();
    expect(failedBoot(loading(410), before, 300, clock)).toBe("no progress for 310 s");
    expect(failedBoot(loading(1190, "extracting"), before, 300, clock)).toBeUndefined();
    expect(failedBoot(loading(1210, "extracting"), before, 300, clock)).toBe("not running after 1210 s");
  });

  test("of a contract that ran for days is not taken for as long as the contract", () => {
    expect(failedBoot(loading(500_000, "pulling", true), { ...said, everRan: true }, 300, clock)).toBeUndefined();
    expect(failedBoot(loading(500_000, "pulling", true), said, 300, clock)).toBeUndefined();
  });
});
