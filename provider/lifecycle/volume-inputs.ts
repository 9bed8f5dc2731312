import { z } from "zod";
import type { Home } from "../context.ts";
import { bindingSchema } from "../copy-out/inputs.ts";
import { inputsSchema as instanceSchema } from "./instance/inputs.ts";

/** A volume and the instance that will mount it must be on one machine: these are the instance's own inputs. */
const placeWithSchema = z.object({
  offer: instanceSchema.shape.offer,
  disk: instanceSchema.shape.disk,
  image: instanceSchema.shape.image,
  ports: instanceSchema.shape.ports,
});

export const volumeInputsSchema = z.strictObject({
  mark: z.string().length(32).describe("made by the resource: whose this volume is"),
  resource: z.string().optional().describe("made by the resource: its name in the program"),
  name: z
    .string()
    .regex(/^[A-Za-z0-9_]{1,40}$/, "must be letters, digits and _ (at most 40)")
    .describe(
      "shown in the Vast console: letters, digits and _, at most 40; default: the resource's name, with _ for others",
    ),
  size: z.int("must be a whole number of GB").min(1).describe("GB, a whole number"),
  machineId: z.int().positive().optional().describe("rent it on this machine"),
  placeWith: placeWithSchema
    .optional()
    .describe(
      "`offer`, `disk`, `image`, `ports` of the instance that will mount it: a machine that offers both is chosen",
    ),
  maxDph: z.number().positive().optional().describe("USD/h for the volume alone"),
  copyOut: z
    .strictObject({
      target: bindingSchema
        .optional()
        .describe("the `binding` of the CloudSyncTarget that the mounting instance copies to"),
      waive: z
        .string()
        .trim()
        .min(10, "needs a written reason of at least 10 characters")
        .optional()
        .describe("delete without a copy, for this reason"),
    })
    .optional()
    .describe("where its content is copied to, by the instance that mounts it"),
});
export type VolumeInputs = z.infer<typeof volumeInputsSchema>;

export interface VolumeFacts {
  home: Home;
  /** Id of the volume in the Vast account; the resource's id, too. */
  volumeId: number;
  /** Id of the machine it is on. */
  machineId: number;
  /** USD/h, until it is deleted. */
  dph: number;
  /** As the service says it. */
  status: string;
}
export type VolumeState = Omit<VolumeInputs, "machineId"> & VolumeFacts & { pinnedMachineId?: number };

export function volumeProblems(known: Partial<VolumeInputs>): { property: string; reason: string }[] {
  if (known.machineId !== undefined && known.placeWith !== undefined)
    return [{ property: "placeWith", reason: "and machineId both say where; keep one" }];
  return [];
}
