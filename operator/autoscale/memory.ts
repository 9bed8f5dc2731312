import { z } from "zod";
import { seenSchema } from "../spend/meter.ts";

export const memorySchema = z.object({
  contracts: z.record(z.string(), seenSchema).default({}),
  /** Epoch seconds, by contract. */
  idleSince: z.record(z.string(), z.number()).default({}),
  /** Last changes of size, epoch seconds, by fleet. */
  fleets: z.record(z.string(), z.object({ upS: z.number().optional(), downS: z.number().optional() })).default({}),
});
/** What an autoscaler has to know of its earlier checks. */
export type Memory = z.output<typeof memorySchema>;

export const NO_MEMORY: Memory = { contracts: {}, idleSince: {}, fleets: {} };
