import { z } from "zod";
import type { Instance } from "../resources.ts";
import { defineRule } from "../rule.ts";
import { type CopyOut, waiverOf } from "./copy-out.ts";

const WAIVER = "or a written reason in copyOut.waive";

function target(copyOut: CopyOut | undefined, toDeclare: string): string | undefined {
  if (copyOut === undefined) {
    return `copyOut is not declared, so nothing would be saved before a destroy. Declare ${toDeclare}, ${WAIVER}.`;
  }
  if (waiverOf(copyOut) !== undefined || copyOut.target !== undefined) return undefined;
  return `copyOut.target is missing, so copies have nowhere to go. Set it to the binding of a CloudSyncTarget, ${WAIVER}.`;
}

function paths({ copyOut }: Instance): string | undefined {
  if (copyOut === undefined || waiverOf(copyOut) !== undefined) return undefined;
  if ((copyOut.paths ?? []).length > 0) return undefined;
  return `copyOut.paths names 0 folders, at least 1 is needed. Name the folders that hold results, e.g. ["/workspace/checkpoints"], ${WAIVER}.`;
}

export const copyOutDeclared = defineRule({
  name: "copy-out-declared",
  pack: "safety",
  description: "Instances and volumes declare where their results are copied before they are destroyed.",
  why: "a destroy deletes the disk for good, and there is no file system behind it",
  source: "VAST2",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    instance: [({ copyOut }) => target(copyOut, "copyOut: { target, paths }"), paths],
    volume: [({ copyOut }) => target(copyOut, "copyOut: { target }, the target of the instance that mounts it")],
  },
});
