import { z } from "zod";
import type { Instance } from "../resources.ts";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  reservedGb: z.number().min(0).default(10).describe("GB of the disk for image layers, caches and logs"),
});

/** What lies on a mounted volume takes none of the disk. */
function onDisk({ copyOut, volume }: Instance): boolean {
  const mount = volume?.mountPath;
  return mount === undefined || !(copyOut?.paths ?? []).every((path) => `${path}/`.startsWith(`${mount}/`));
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
      (instance, { reservedGb }) => {
        const expected = instance.copyOut?.expectedGb;
        const { disk } = instance;
        if (expected === undefined || disk === undefined) return undefined;
        if (disk >= expected + reservedGb || !onDisk(instance)) return undefined;
        return `disk is ${disk} GB; copyOut.expectedGb ${expected} and ${reservedGb} GB for image and caches need ${expected + reservedGb}. Raise disk to at least ${expected + reservedGb}.`;
      },
    ],
  },
});
