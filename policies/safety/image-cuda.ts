import { z } from "zod";
import { cudaOfImage } from "../../provider/fleet/image.ts";
import type { Instance } from "../resources.ts";
import { defineRule } from "../rule.ts";

function needed({ imageCuda, image }: Instance): number | undefined {
  return imageCuda ?? (image === undefined ? undefined : cudaOfImage(image));
}

export const imageCuda = defineRule({
  name: "image-cuda",
  pack: "safety",
  description: "The host's driver runs the CUDA of the image.",
  why: "the container starts without a GPU, or not at all, on a machine that bills",
  source: "VAST5, user pain 23",
  level: "mandatory",
  config: z.strictObject({
    newest: z.number().positive().optional().describe("newest CUDA an image may need; later ones find few hosts"),
  }),
  checks: {
    instance: [
      (instance) => {
        const cuda = needed(instance);
        const driver = instance.offer?.minCuda;
        if (cuda === undefined || driver === undefined || driver >= cuda) return undefined;
        return `offer.minCuda is ${driver}, which admits drivers older than the image's CUDA ${cuda}. Raise it to ${cuda} or leave it out.`;
      },
      (instance, { newest }) => {
        const cuda = needed(instance);
        if (cuda === undefined || newest === undefined || cuda <= newest) return undefined;
        return `the image needs CUDA ${cuda}; the newest allowed is ${newest}. Take an image built for CUDA ${newest} or older.`;
      },
      (instance) => {
        const cuda = needed(instance);
        const offer = instance.offer?.id;
        if (cuda === undefined || offer === undefined) return undefined;
        return `offer.id pins offer ${offer}, whose driver nobody compares with the image's CUDA ${cuda}. Give criteria (gpu, maxDph …) in place of the id.`;
      },
    ],
  },
});

/** Apart from image-cuda, and a warning: an image may well need no CUDA. */
export const imageCudaKnown = defineRule({
  name: "image-cuda-known",
  pack: "safety",
  description: "It is known which CUDA the image needs.",
  why: "where it is not, any driver is taken, and a mismatch shows only once the machine bills",
  source: "VAST5",
  level: "advisory",
  config: z.strictObject({}),
  checks: {
    instance: [
      (instance) =>
        instance.image === undefined || needed(instance) !== undefined || instance.offer?.minCuda !== undefined
          ? undefined
          : `the CUDA that image ${instance.image} needs cannot be told from its name. Say it in imageCuda, e.g. 12.4.`,
    ],
  },
});
