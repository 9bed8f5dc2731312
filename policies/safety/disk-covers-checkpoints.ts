import { z } from "zod";
import type { Instance } from "../resources.ts";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  reservedGb: z.number().min(0).default(10).describe("GB of the disk for image layers, caches and logs"),
});

/** What lies on a mounted volume takes none of the disk. */
function onVolume(paths: readonly string[], volume: Instance["volume"]): boolean {
  return volume !== undefined && paths.every((path) => `${path}/`.startsWith(`${volume.mountPath}/`));
}

export const diskCoversCheckpoints = defineRule({
  name: "disk-covers-checkpoints",
  pack: "safety",
  description: "The disk holds the checkpoints that the copy-out expects.",
  why: "a disk cannot grow: once it is full the next checkpoint is lost",
  source: "VAST10, user pain 25",
  level: "mandatory",
  config,
  checks: {
    instance: [
      ({ copyOut = {}, disk, volume }, { reservedGb }) => {
        const { expectedGb, paths = [] } = copyOut;
        if (expectedGb === undefined || disk === undefined) return undefined;
        const needed = expectedGb + reservedGb;
        if (disk >= needed || onVolume(paths, volume)) return undefined;
        return `disk is ${disk} GB; copyOut.expectedGb ${expectedGb} and ${reservedGb} GB for image and caches need ${needed}. Raise disk to at least ${needed}.`;
      },
    ],
  },
});
