import { z } from "zod";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  requireDigest: z.boolean().default(false).describe("true takes only images pinned by digest, image@sha256:…"),
});

export const imagePinned = defineRule({
  name: "image-pinned",
  pack: "safety",
  description: "Images are pinned to a version.",
  why: "a worker that is replaced in the night would come back with other software than its siblings",
  source: "VAST5, VAST13",
  level: "mandatory",
  config,
  checks: {
    instance: [
      ({ image }, { requireDigest }) => {
        if (image === undefined || /@sha256:[0-9a-f]{64}$/.test(image)) return undefined;
        if (requireDigest)
          return `image is ${image}; a digest is needed. Write it as image@sha256:…, as \`docker inspect\` shows it.`;
        // A colon before a slash is a registry's port; after an @ it would be a digest, and is none.
        const tag = /^[^@]*:([^:/@]+)$/.exec(image)?.[1];
        if (tag !== undefined && tag !== "latest") return undefined;
        return `image is ${image}, which is whatever is newest on the day; a tag other than latest is needed. Write it as image:version, or image@sha256:….`;
      },
    ],
  },
});
