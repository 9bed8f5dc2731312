import { z } from "zod";
import { defineRule } from "../rule.ts";

export const idleVolumes = defineRule({
  name: "idle-volumes",
  pack: "cost",
  description: "Every volume of the stack is mounted by an instance of the stack.",
  why: "a volume bills by size until it is deleted, whether anything uses it or not",
  source: "VAST1, VAST12",
  level: "advisory",
  config: z.strictObject({}),
  *stack(stack, _, known) {
    const instances = stack.all("instance");
    for (const { name, urn, inputs } of stack.all("volume")) {
      const mounts = instances.map(
        (instance) => instance.uses.has(urn) || known(() => Number(instance.inputs.volume?.id) === inputs.volumeId),
      );
      if (mounts.some((mounted) => mounted !== false)) continue;
      yield {
        subject: name,
        urn,
        message: `${name}: 0 instances mount this volume, and it bills all the same; 1 is expected. Mount it (volume: { id, machineId, mountPath }), or take it out of the program.`,
      };
    }
  },
});
