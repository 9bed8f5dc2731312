import { z } from "zod";
import { resolveGpu } from "../../fleet/gpu-names.ts";

/** Highest number of ports one instance may open (vast-api.md 3.1). */
export const MAX_PORTS = 64;

const gpu = z.string().superRefine((name, context) => {
  const found = resolveGpu(name);
  if ("nearest" in found) {
    context.addIssue({
      code: "custom",
      message: `"${name}" is no GPU that Vast.ai lists; did you mean ${found.nearest.join(", ")}?`,
    });
  }
});

const percent01 = z.number().min(0).max(1, "is a share from 0 to 1, e.g. 0.95");
const price = z.number().positive("must be above 0 USD/h");

export const criteriaSchema = z.strictObject({
  gpu: z
    .union([gpu.transform((one) => [one]), z.array(gpu).min(1)])
    .describe(
      'GPU names, e.g. "RTX 4090" or ["A100", "H100 SXM"]; blanks or underscores; a family stands for all its variants',
    ),
  count: z.int().min(1).default(1).describe("GPUs of the instance"),
  minVramGb: z.number().positive().optional().describe("GB of memory per GPU"),
  verified: z
    .boolean()
    .default(true)
    .describe("only hosts that Vast.ai has verified; `false` takes any host, verified or not"),
  minReliability: percent01.default(0.95).describe("host reliability, 0 to 1"),
  minDirectPorts: z
    .int()
    .min(0)
    .max(MAX_PORTS)
    .optional()
    .describe("open ports the host must have; default: one for SSH plus one per port"),
  minCuda: z
    .number()
    .positive()
    .optional()
    .describe("newest CUDA the host's driver must run; default: what the image needs"),
  maxDph: price.optional().describe("USD/h, all-in: GPUs (or bid) plus disk"),
  maxBandwidthPrice: z.number().min(0).optional().describe("USD/GB, either direction"),
  minDiskBandwidth: z.number().positive().optional().describe("MB/s of the host's disk"),
  minInetDown: z.number().positive().optional().describe("Mb/s the host can download"),
  countries: z
    .array(z.string().regex(/^[A-Z]{2}$/, 'must be two-letter country codes, e.g. ["US", "SE"]'))
    .min(1)
    .optional()
    .describe('two-letter codes, e.g. ["US", "SE"]'),
  excludeMachines: z.array(z.int().positive()).default([]).describe("ids of machines not to take"),
  excludeHosts: z.array(z.int().positive()).default([]).describe("ids of hosts (owners of machines) not to take"),
  order: z
    .enum(["price", "performance", "reliability"])
    .default("price")
    .describe("which matching offer is best: all-in price, performance for the price, or host reliability"),
});

const pinnedSchema = z.strictObject({
  id: z.int().positive().describe("this offer and no other"),
  maxDph: price.optional().describe("USD/h, all-in"),
});
export type Pinned = z.output<typeof pinnedSchema>;
export type Criteria = z.output<typeof criteriaSchema>;

/** Either what the machine must be like or one offer by its id; both together would leave open which of them holds. */
export const offerSchema = z
  .custom<z.input<typeof criteriaSchema> | z.input<typeof pinnedSchema>>()
  .transform((value, context): Criteria | Pinned => {
    const isObject = typeof value === "object" && value !== null;
    const criteria = isObject ? Object.keys(value).filter((key) => key !== "id" && key !== "maxDph") : [];
    const pinned = isObject && "id" in value;
    if (pinned && criteria.length > 0) {
      context.addIssue({
        code: "custom",
        message: `has both a pinned offer (id) and criteria (${criteria.join(", ")}); keep one of them`,
      });
      return z.NEVER;
    }
    const parsed = (pinned ? pinnedSchema : criteriaSchema).safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  })
  .describe("what the machine must be like (below), or `{ id, maxDph? }` for one offer");
