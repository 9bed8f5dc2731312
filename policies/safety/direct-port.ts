import { z } from "zod";
import { defineRule } from "../rule.ts";

/** The direct kind of each kind that goes through Vast's proxy; `args` has no SSH at all. */
const DIRECT: ReadonlyMap<string | undefined, string> = new Map([
  ["ssh", "ssh_direct"],
  ["jupyter", "jupyter_direct"],
]);

export const directPort = defineRule({
  name: "direct-port",
  pack: "safety",
  description: "Instances have a direct port, past Vast's SSH proxy.",
  why: "bulk copies over the proxy stall, the one that is to save a checkpoint first of all",
  source: "VAST8, VAST7",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    instance: [
      ({ runtype }) => {
        const direct = DIRECT.get(runtype);
        if (direct === undefined) return undefined;
        return `runtype is "${runtype}", which reaches the instance through the proxy only; a direct port is needed. Set it to "${direct}" or leave it out.`;
      },
    ],
  },
  remedy: {
    sets: "runtype: ssh_direct or jupyter_direct",
    instance: ({ runtype }) => {
      const direct = DIRECT.get(runtype);
      return direct === undefined ? undefined : { runtype: direct };
    },
  },
});
