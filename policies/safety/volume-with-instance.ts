import { z } from "zod";
import { defineRule, type Known, type Problem } from "../rule.ts";
import type { Stack } from "../stack.ts";

/** Of volumes of this stack, by their ids, which only an update knows. */
function* elsewhere(stack: Stack, known: Known): Iterable<Problem> {
  const volumes = stack.all("volume");
  for (const { name, urn, inputs } of stack.all("instance")) {
    const problem = known(() => {
      const { id, machineId } = inputs.volume ?? {};
      const mounted = volumes.find((volume) => volume.inputs.volumeId === Number(id));
      if (mounted === undefined || mounted.inputs.machineId === machineId) return undefined;
      return `volume.machineId is ${machineId}, but volume ${mounted.name} is on machine ${mounted.inputs.machineId}, and volumes never leave theirs. Give volume.machineId as the volume's output machineId.`;
    });
    if (typeof problem === "string") yield { subject: name, urn, message: `${name}: ${problem}` };
  }
}

export const volumeWithInstance = defineRule({
  name: "volume-with-instance",
  pack: "safety",
  description: "A volume and the instance that mounts it are placed on one machine.",
  why: "a volume is locked to its machine: one without a GPU to rent beside it only bills",
  source: "VAST12, VAST3",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    volume: [
      ({ placeWith, machineId }) =>
        placeWith === undefined && machineId === undefined
          ? "neither placeWith nor machineId is set, so the volume lands where no instance may fit; one of them is needed. Set placeWith to the offer, disk and image of the instance that mounts it."
          : undefined,
    ],
    instance: [
      ({ volume, offer }) =>
        offer?.id === undefined || volume === undefined
          ? undefined
          : `offer.id pins offer ${offer.id}, which need not be on the volume's machine. Give criteria (gpu, maxDph …): the provider then rents on the machine of the volume.`,
    ],
  },
  stack: (stack, _, known) => elsewhere(stack, known),
});
