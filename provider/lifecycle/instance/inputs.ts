import { z } from "zod";
import { ONSTART_LIMIT_BYTES } from "../../api/assumptions.ts";
import { resolveGpu } from "../../fleet/gpu-names.ts";
import { cudaOfImage, secretIn, wrapOnstart } from "../../fleet/image.ts";
import type { Need, OfferCriteria } from "../../fleet/place.ts";

/** Highest number of ports one instance may open (vast-api.md 3.1). */
const MAX_PORTS = 64;
/** Least disk the API rents, GB (vast-api.md 3.1). */
const MIN_DISK_GB = 8;
/** Bounds of a bid, USD/h (vast-api.md 3.1). */
const MIN_BID = 0.001;
const MAX_BID = 128;

const gpu = z.string().superRefine((name, context) => {
  const found = resolveGpu(name);
  if ("nearest" in found) {
    context.addIssue({
      code: "custom",
      message: `"${name}" is no GPU that Vast.ai lists; did you mean ${found.nearest.join(", ")}?`,
    });
  }
});

const absolutePath = z
  .string()
  .regex(/^\//, "must be an absolute path on the instance, e.g. /workspace/checkpoints")
  .refine(
    (path) => !["/", "/root", "/root/"].includes(path),
    "must not be / or /root: name the folders that hold results",
  )
  .refine((path) => !path.split("/").includes(".."), "must not contain ..")
  // A listing of it has to fit the 512 characters of the API's `execute` (vast-api.md 3.5).
  .refine(
    (path) => path.length <= 400 && !/["'\\$`\n]/.test(path),
    "must be at most 400 characters, without quotes, $, ` or backslashes",
  );

function isRegExp(text: string): boolean {
  try {
    new RegExp(text, "m");
    return true;
  } catch {
    return false;
  }
}

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
  verified: z.boolean().default(true).describe("only hosts that Vast.ai has verified"),
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
  minDiskBandwidth: z.number().positive().optional().describe("MB/s"),
  minInetDown: z.number().positive().optional().describe("Mb/s"),
  countries: z
    .array(z.string().regex(/^[A-Z]{2}$/, 'must be two-letter country codes, e.g. ["US", "SE"]'))
    .min(1)
    .optional(),
  excludeMachines: z.array(z.int().positive()).default([]),
  excludeHosts: z.array(z.int().positive()).default([]),
  order: z.enum(["price", "performance", "reliability"]).default("price"),
});

const pinnedSchema = z.strictObject({ id: z.int().positive(), maxDph: price.optional() });
type Pinned = z.output<typeof pinnedSchema>;
export type Criteria = z.output<typeof criteriaSchema>;

/** Either what the machine must be like or one offer by its id; both together would leave open which of them holds. */
const offerSchema = z
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
  });

export const bindingSchema = z.object({
  connectionId: z.int().positive().describe("cloud connection of the Vast account"),
  bucket: z.string().min(3),
  prefix: z.string(),
  region: z.string(),
  endpoint: z.string().optional().describe("S3 endpoint; only for stores that are not AWS"),
});
/** Where copies go and how to read them back: the output `binding` of a CloudSyncTarget. */
export type Binding = z.infer<typeof bindingSchema>;

export const copyOutSchema = z.strictObject({
  target: bindingSchema.optional().describe("the `binding` of a CloudSyncTarget"),
  paths: z.array(absolutePath).default([]).describe("folders on the instance that hold results"),
  required: z.array(z.string().min(1)).default([]).describe('patterns that must match at least one file, e.g. "*.pt"'),
  verify: z
    .enum(["size"])
    .default("size")
    .describe("every file in S3 with the same size, and the same modification time where the copy tool keeps it"),
  timeout: z.number().positive().default(3600).describe("seconds for one copy"),
  onCopyFailure: z.enum(["block", "stop"]).default("block"),
  waive: z
    .string()
    .trim()
    .min(10, "needs a written reason of at least 10 characters")
    .optional()
    .describe("destroy without copying, for this reason"),
});
export type CopyOut = z.infer<typeof copyOutSchema>;

const portSchema = z.union([
  z.int().min(1).max(65_535),
  z.string().regex(/^\d{1,5}\/(tcp|udp)$/, 'is a port number or "8081/udp"'),
]);

export const inputsSchema = z.strictObject({
  mark: z.string().min(16).describe("made by the resource: who this contract belongs to"),
  /** The resource's own name, for messages and waivers; states from before it was recorded lack it. */
  resource: z.string().optional().describe("made by the resource: its name in the program"),
  offer: offerSchema,
  image: z.string().min(1).max(1024),
  imageLogin: z.string().optional(),
  imageCuda: z.number().positive().optional(),
  disk: z.number().min(MIN_DISK_GB, `must be at least ${MIN_DISK_GB} GB and is fixed for the instance's life`),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a name of letters, digits and _"), z.string())
    .default({}),
  ports: z.array(portSchema).max(MAX_PORTS, `an instance opens at most ${MAX_PORTS} ports`).default([]),
  onstart: z.string().optional(),
  runtype: z.enum(["ssh", "ssh_direct", "jupyter", "jupyter_direct", "args"]).default("ssh_direct"),
  label: z.string().min(1).max(256),
  bid: z
    .number()
    .min(MIN_BID)
    .max(MAX_BID)
    .optional()
    .describe("USD/h for the whole instance without disk; makes it interruptible"),
  maxBid: z.number().min(MIN_BID).max(MAX_BID).optional(),
  state: z.enum(["running", "stopped"]).default("running"),
  volume: z
    .strictObject({ id: z.coerce.number().int().positive(), machineId: z.int().positive(), mountPath: absolutePath })
    .optional(),
  copyOut: copyOutSchema.optional(),
  waitFor: z.enum(["created", "running", "ready"]).default("running"),
  readyWhen: z
    .strictObject({ log: z.string().min(1).refine(isRegExp, "is not a regular expression") })
    .optional()
    .describe("a regular expression that a log line matches once the worker is ready"),
  onInterruption: z.enum(["rebid", "replace", "fail"]).default("replace"),
  maxDurationHours: z.number().positive().optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
  sshKeys: z
    .array(z.string().regex(/^(ssh-|ecdsa-)\S+ \S+/, "is a whole public key line: ssh-ed25519 AAAA… name"))
    .default([]),
  adopt: z
    .int()
    .positive()
    .optional()
    .describe("id of an existing contract to take into management instead of renting"),
  bootTimeout: z.number().positive().default(900).describe("seconds without progress before a host counts as a dud"),
  maxTries: z.int().min(1).max(10).default(4).describe("offers tried before giving up"),
});
export type InstanceInputs = z.infer<typeof inputsSchema>;
export type RawInstanceInputs = z.input<typeof inputsSchema>;

export interface Problem {
  property: string;
  reason: string;
}

/**
 * Rules across properties. Values that a preview does not know yet are absent from `inputs` and judged again in the
 * update, when they are known; `unknown` names the properties that are, or hold, such values.
 */
export function crossChecks(inputs: Partial<InstanceInputs>, unknown: ReadonlySet<string> = new Set()): Problem[] {
  return CROSS_CHECKS.flatMap((check) => check(inputs, unknown) ?? []);
}

type CrossCheck = (inputs: Partial<InstanceInputs>, unknown: ReadonlySet<string>) => Problem | undefined;
const isText = (value: unknown): value is string => typeof value === "string";

const shownInClear = (property: "onstart" | "image" | "label"): CrossCheck => {
  return (inputs) => {
    const value = inputs[property];
    const found = isText(value) ? secretIn(value) : undefined;
    if (!found) return undefined;
    const fix = "the service stores and shows it in clear. Pass it in `env`, which is encrypted in the state";
    return { property, reason: `contains ${found}; ${fix}` };
  };
};

const CROSS_CHECKS: readonly CrossCheck[] = [
  shownInClear("onstart"),
  shownInClear("image"),
  shownInClear("label"),
  ({ onstart }) => {
    const wrapped = isText(onstart) ? wrapOnstart(onstart) : undefined;
    if (!wrapped || wrapped.fits) return undefined;
    const fix = "Fetch the rest from the bucket or build it into the image";
    return {
      property: "onstart",
      reason: `is ${wrapped.bytes} bytes even compressed; the limit is ${ONSTART_LIMIT_BYTES}. ${fix}`,
    };
  },
  ({ bid, maxBid }, unknown) =>
    maxBid !== undefined && bid === undefined && !unknown.has("bid")
      ? { property: "maxBid", reason: "needs `bid`: without it the instance is rented on demand" }
      : undefined,
  ({ bid, maxBid }) =>
    bid !== undefined && maxBid !== undefined && bid > maxBid
      ? { property: "bid", reason: `${bid} is above maxBid ${maxBid}` }
      : undefined,
  ({ offer, image, imageCuda }) => {
    const driver = offer && "gpu" in offer ? offer.minCuda : undefined;
    const needed = imageCuda ?? (isText(image) ? cudaOfImage(image) : undefined);
    if (driver === undefined || needed === undefined || driver >= needed) return undefined;
    const fix = `raise it to ${needed} or leave it out`;
    return {
      property: "offer.minCuda",
      reason: `${driver} admits drivers older than the image's CUDA ${needed}; ${fix}`,
    };
  },
  ({ waitFor, readyWhen }, unknown) =>
    waitFor === "ready" && readyWhen === undefined && !unknown.has("readyWhen")
      ? {
          property: "readyWhen",
          reason: 'is needed with waitFor "ready": say which log line shows it, e.g. { log: "^epoch 1" }',
        }
      : undefined,
  ({ expiresAt, maxDurationHours }) =>
    expiresAt !== undefined && maxDurationHours !== undefined
      ? { property: "expiresAt", reason: "and maxDurationHours say the same thing; keep one" }
      : undefined,
  ({ adopt, offer }) =>
    adopt !== undefined && offer && "id" in offer
      ? {
          property: "adopt",
          reason: "takes an existing contract; a pinned offer id would be ignored. Give criteria instead",
        }
      : undefined,
  ({ volume, copyOut }, unknown) =>
    volume !== undefined && !copyOut?.target && !unknown.has("copyOut")
      ? {
          property: "copyOut.target",
          reason: "is missing: what is on the volume can be copied only through the instance that mounts it",
        }
      : undefined,
  ({ copyOut }, unknown) =>
    copyOut && copyOut.waive === undefined && !unknown.has("copyOut") && copyOut.paths.length === 0
      ? {
          property: "copyOut.paths",
          reason: "is empty: name the folders that hold results, or give a written reason in `waive`",
        }
      : undefined,
];

/** The offers that would do for these inputs, in the terms of the placement. */
export function needOf(inputs: InstanceInputs): Need {
  const pinned = "id" in inputs.offer;
  const criteria: OfferCriteria = pinned
    ? // A pinned offer is the user's own choice of machine; only the price is held.
      {
        gpu: [],
        count: 0,
        verified: false,
        minReliability: 0,
        minDirectPorts: 0,
        maxDph: inputs.offer.maxDph,
        excludeMachines: [],
        excludeHosts: [],
        order: "price",
      }
    : {
        ...(inputs.offer as Criteria),
        minDirectPorts: directPorts(inputs),
        minCuda: minCuda(inputs),
        minDurationHours: inputs.maxDurationHours,
      };
  return { criteria, diskGb: inputs.disk, bid: inputs.bid, machineId: inputs.volume?.machineId };
}

function directPorts(inputs: InstanceInputs): number {
  const asked = "gpu" in inputs.offer ? inputs.offer.minDirectPorts : undefined;
  const needed = inputs.ports.length + (inputs.runtype.endsWith("_direct") ? 1 : 0);
  return Math.max(asked ?? 0, needed);
}

function minCuda(inputs: InstanceInputs): number | undefined {
  return ("gpu" in inputs.offer ? inputs.offer.minCuda : undefined) ?? inputs.imageCuda ?? cudaOfImage(inputs.image);
}

/** Is this a bid that `bid` and `maxBid` allow? */
export function withinBids(bid: number, { bid: lowest, maxBid }: Pick<InstanceInputs, "bid" | "maxBid">): boolean {
  return lowest !== undefined && bid >= lowest - 1e-6 && bid <= (maxBid ?? lowest) + 1e-6;
}
