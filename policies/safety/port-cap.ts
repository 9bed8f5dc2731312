import { z } from "zod";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  most: z
    .int()
    .min(1)
    .max(64)
    .default(64)
    .describe("ports that one instance may open, those of SSH and Jupyter included"),
});

/** SSH has a port of its own, Jupyter one besides it. */
const OWN_PORTS: Readonly<Record<string, number>> = { ssh: 1, ssh_direct: 1, jupyter: 2, jupyter_direct: 2, args: 0 };

export const portCap = defineRule({
  name: "port-cap",
  pack: "safety",
  description: "An instance opens no more ports than the service maps.",
  why: "ports over the cap are silently not reachable",
  source: "VAST6",
  level: "mandatory",
  config,
  checks: {
    instance: [
      ({ ports = [], runtype = "ssh_direct" }, { most }) => {
        const own = OWN_PORTS[runtype] ?? 0;
        if (ports.length + own <= most) return undefined;
        return `ports opens ${ports.length}, with ${own} for ${runtype} that is ${ports.length + own}; the cap is ${most}. Open at most ${most - own}.`;
      },
    ],
  },
});
