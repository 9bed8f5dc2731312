import { z } from "zod";
import { defineRule, type Known, type Problem, UNKNOWN } from "../rule.ts";
import type { Stack } from "../stack.ts";

/** Of volumes of this stack, by their ids, which only an update knows. */
function* elsewhere(stack: Stack, known: Known): Iterable<Problem> {
  const volumes = stack.all("volume");
  for (const { name, urn, inputs } of stack.all("instance")) {
    const mounted = known(() => {
      const { id, machineId } = inputs.volume ?? {};
      return volumes.find(
        (volume) => id !== undefined && volume.inputs.volumeId === Number(id) && machineId !== volume.inputs.machineId,
      );
    });
    if (mounted === undefined || mounted === UNKNOWN) continue;
    yield {
      subject: name,
      urn,
      message: `${name}: volume.machineId is ${inputs.volume?.machineId}, but volume ${mounted.name} is on machine ${mounted.inputs.machineId}, and volumes never leave theirs. Give volume.machineId as the volume's output machineId.`,
    };
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
