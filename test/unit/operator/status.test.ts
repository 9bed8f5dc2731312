import { expect, test } from "vitest";
import { overview } from "../../../operator/status.ts";
import type { VolumeRow } from "../../../provider/api/volumes.ts";
import type { Findings } from "../../../provider/lifecycle/reconcile/findings.ts";
import { instanceRow } from "../../support/rows.ts";

const rows = new Map(
  [
    instanceRow({ id: 1, label: "zeb-worker-0", dph_total: 0.25, ssh_host: "ssh5.vast.ai", ssh_port: 12344 }),
    instanceRow({ id: 2, label: "zeb-large-worker-0", dph_total: 0.5 }),
    // 20 GB at 0.15 USD a month and GB.
    instanceRow({
      id: 3,
      label: "zebra-worker-0",
      actual_status: "exited",
      intended_status: "stopped",
      cur_state: "stopped",
    }),
    instanceRow({ id: 4, label: "of-another-stack" }),
  ].map((row) => [row.id, row]),
);
const known = {
  recorded: [1, 2, 3].map((id) => ({ urn: `urn::${id}`, type: "Instance" as const, id: String(id), props: {} })),
};
const nothing = { orphans: [], missing: [], parked: [], orphanVolumes: [], idleVolumes: [] } as unknown as Findings;

test("each contract of the stack shows its label, GPU, state, price, id and SSH, and no other contract is shown", () => {
  const { instances } = overview(rows, known, nothing, undefined);
  expect(instances.map(({ contract }) => contract)).toEqual([2, 1, 3]);
  expect(instances[1]).toEqual({
    contract: 1,
    label: "zeb-worker-0",
    gpu: "1x RTX 4090",
    status: "running",
    dph: 0.25,
    ssh: expect.stringContaining("root@"),
    note: "",
  });
});

test("a prefix means a fleet and those whose names begin with it and a -, and no other that begins alike", () => {
  const labels = (prefix: string) => overview(rows, known, nothing, prefix).instances.map(({ label }) => label);
  expect(labels("zeb")).toEqual(["zeb-large-worker-0", "zeb-worker-0"]);
  expect(labels("zeb-large")).toEqual(["zeb-large-worker-0"]);
});

test("the burn rate is told per hour, day and month, and what stopped machines and unused volumes cost of it", () => {
  const disk = (20 * 0.15) / 720;
  const { total } = overview(rows, known, nothing, undefined);
  expect(total.dph).toBeCloseTo(0.75 + disk);
  expect(total.perDay).toBeCloseTo((0.75 + disk) * 24);
  expect(total.perMonth).toBeCloseTo((0.75 + disk) * 720);
  expect(total.stoppedPerMonth).toBeCloseTo(3);

  const idle = { row: { id: 9, label: "cache", storage_total_cost: 0.01 } as VolumeRow };
  const findings = { ...nothing, idleVolumes: [idle] } as unknown as Findings;
  const withVolume = overview(rows, known, findings, undefined);
  expect(withVolume.volumes).toEqual([{ volume: 9, name: "cache", status: "idle", dph: 0.01 }]);
  expect(withVolume.total.stoppedPerMonth).toBeCloseTo(3 + 7.2);
});

test("a contract that the state has lost, and one that is parked, are shown as such", () => {
  const findings = {
    ...nothing,
    orphans: [{ row: rows.get(4) }],
    parked: [{ record: { contract: 3 } }],
  } as unknown as Findings;
  const notes = overview(rows, { recorded: known.recorded.slice(0, 2) }, findings, undefined).instances.map(
    ({ contract, note }) => [contract, note],
  );
  expect(notes).toEqual([
    [4, "lost"],
    [2, ""],
    [1, ""],
    [3, "parked"],
  ]);
});
