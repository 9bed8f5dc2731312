import { z } from "zod";
import { defineRule } from "../rule.ts";
import { type CopyOut, waiverOf } from "./copy-out.ts";

function waived({ copyOut }: { copyOut?: CopyOut | undefined }): string | undefined {
  const reason = waiverOf(copyOut);
  if (reason === undefined) return undefined;
  return `copyOut.waive is set: it will be destroyed WITHOUT copying anything out. Reason given: "${reason}". To have its results copied, remove copyOut.waive and declare copyOut.target.`;
}

/** Apart from copy-out-declared, which accepts a waiver: this one has a level of its own, and `mandatory` forbids them. */
export const copyOutWaived = defineRule({
  name: "copy-out-waived",
  pack: "safety",
  description: "Waivers of the copy-out are reported in every run.",
  why: "a waiver that nobody sees any more loses the next results as well",
  source: "VAST2",
  level: "advisory",
  config: z.strictObject({}),
  checks: { instance: [waived], volume: [waived] },
});
