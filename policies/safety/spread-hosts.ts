import { z } from "zod";
import { defineRule, UNKNOWN } from "../rule.ts";

const config = z.strictObject({
  least: z.int().min(1).default(2).describe("hosts that the workers of one fleet are on, or as many as it has workers"),
});

/** By host, not machine: what takes one machine of a host down often takes its others. */
export const spreadHosts = defineRule({
  name: "spread-hosts",
  pack: "safety",
  description: "The workers of a fleet are spread over several hosts.",
  why: "one host that vanishes takes every worker it has with it",
  source: "VAST7, user pain 30",
  level: "advisory",
  config,
  *stack(stack, { least }, known) {
    const workers = Map.groupBy(stack.all("instance"), ({ fleet }) => fleet);
    for (const [fleet, ofFleet] of workers) {
      if (fleet === undefined) continue;
      const hosts = ofFleet.map(({ inputs }) => known(() => inputs.hostId));
      // A worker that is not rented yet may still come to a host of its own.
      const open = hosts.filter((host) => host === UNKNOWN || host === undefined).length;
      const taken = new Set(hosts.filter((host) => typeof host === "number"));
      const needed = Math.min(least, ofFleet.length);
      if (taken.size + open >= needed) continue;
      yield {
        subject: fleet,
        message: `${fleet}: its ${ofFleet.length} workers are on ${taken.size} host${taken.size === 1 ? "" : "s"} (${[...taken].join(", ")}); at least ${needed} are needed. Exclude one in offer.excludeHosts of some workers (overrides).`,
      };
    }
  },
});
