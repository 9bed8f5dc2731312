import { expect, test } from "vitest";
import type { InstanceRow } from "../../../provider/api/instances.ts";
import { otherGpus } from "../../../provider/lifecycle/instance/rented-machine.ts";

const offered = { gpu_name: "RTX 4090", num_gpus: 4, gpu_ram: 24564 } as InstanceRow;

test.each([
  ["another card", { gpu_name: "RTX 3090" }, "its GPU is RTX 3090, RTX 4090 was offered"],
  ["one card missing", { num_gpus: 3 }, "it has 3 GPUs, 4 were offered"],
  ["less memory", { gpu_ram: 12288 }, "its GPU has 12288 MB of VRAM, 24564 were offered"],
])("a machine that comes with %s is not the one that was offered", (_, different, why) => {
  expect(otherGpus(offered, { ...offered, ...different })).toBe(why);
});

test.each([
  ["is as offered", {}],
  ["has a little memory held back by its driver", { gpu_ram: 24210 }],
  ["does not say yet", { gpu_name: null, num_gpus: null, gpu_ram: null }],
])("a machine that %s is kept", (_, different) => {
  expect(otherGpus(offered, { ...offered, ...different })).toBeUndefined();
});
