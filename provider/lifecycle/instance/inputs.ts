import { z } from "zod";
import { ONSTART_LIMIT_BYTES } from "../../api/assumptions.ts";
import { absolutePath, copyOutSchema, restoreFromSchema } from "../../copy-out/inputs.ts";
import { MAX_PORTS, offerSchema } from "./criteria.ts";

/** Least disk the API rents, GB (vast-api.md 3.1). */
const MIN_DISK_GB = 8;
/** Bounds of a bid, USD/h (vast-api.md 3.1). */
const MIN_BID = 0.001;
const MAX_BID = 128;

function isRegExp(text: string): boolean {
  try {
    new RegExp(text, "m");
    return true;
  } catch {
    return false;
  }
}

const portSchema = z.union([
  z.int().min(1).max(65_535),
  z.string().regex(/^\d{1,5}\/(tcp|udp)$/, 'is a port number or "8081/udp"'),
]);

export const inputsSchema = z.strictObject({
  mark: z.string().min(16).describe("made by the resource: who this contract belongs to"),
  /** The resource's own name, for messages and waivers; states from before it was recorded lack it. */
  resource: z.string().optional().describe("made by the resource: its name in the program"),
  offer: offerSchema,
  template: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe(
      "hash id of a Vast template; what the program says wins over it, `env` by name. Runtype and disk are always the program's",
    ),
  image: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe("Docker image, best with a tag that does not move; may be left out where `template` gives it"),
  imageLogin: z.string().optional().describe("`-u user -p token registry` of a private image; secret in the state"),
  imageCuda: z.number().positive().optional().describe("CUDA that the image needs; default: read from its name"),
  disk: z
    .number()
    .min(MIN_DISK_GB, `must be at least ${MIN_DISK_GB} GB and is fixed for the instance's life`)
    .describe("GB, fixed for the instance's life"),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a name of letters, digits and _"), z.string())
    .default({})
    .describe("environment of the container; secret in the state"),
  ports: z
    .array(portSchema)
    .max(MAX_PORTS, `an instance opens at most ${MAX_PORTS} ports`)
    .default([])
    .describe('ports of the container to open, e.g. [8000, "8081/udp"]'),
  onstart: z
    .string()
    .optional()
    .describe(
      `shell script run at each start; refused when it holds a secret, compressed above ${ONSTART_LIMIT_BYTES} bytes`,
    ),
  runtype: z
    .enum(["ssh", "ssh_direct", "jupyter", "jupyter_direct", "args"])
    .default("ssh_direct")
    .describe(
      "how the container is entered; `_direct` needs an open port and is faster; `args` runs the image's own entry point",
    ),
  args: z
    .array(z.string())
    .default([])
    .describe("arguments of the image's entry point, with `runtype: args`; once it has ended `up` restarts nothing"),
  label: z.string().min(1).max(256).describe("shown in the Vast console; default: the resource's name"),
  bid: z
    .number()
    .min(MIN_BID)
    .max(MAX_BID)
    .optional()
    .describe("USD/h for the whole instance without disk; makes it interruptible"),
  maxBid: z
    .number()
    .min(MIN_BID)
    .max(MAX_BID)
    .optional()
    .describe("USD/h: how far `onInterruption: rebid` may go; `maxDph` holds all the same"),
  fallback: z
    .enum(["on-demand"])
    .optional()
    .describe(
      "what to rent when no interruptible offer matches: on demand, within `maxDph`. It stays so until the instance is replaced",
    ),
  state: z
    .enum(["running", "stopped"])
    .default("running")
    .describe("a stopped instance keeps its disk, which bills, and may lose its GPU to another"),
  volume: z
    .strictObject({
      id: z.coerce.number().int().positive().describe("`volumeId` of a VastVolume"),
      machineId: z.int().positive().describe("`machineId` of it: the instance is rented there"),
      mountPath: absolutePath.describe("where it is mounted"),
    })
    .optional()
    .describe("mounted when the instance is created"),
  copyOut: copyOutSchema.optional().describe("what is safe in S3 before anything is destroyed; see copy-out.md"),
  restoreFrom: restoreFromSchema
    .optional()
    .describe(
      '"last" or a contract id: what that contract of this resource left in S3 is brought back once a new one runs, and the container restarted; a container that an update recreates gets its own files back',
    ),
  waitFor: z
    .enum(["created", "running", "ready"])
    .default("running")
    .describe("how far an `up` waits; `ready` needs `readyWhen`"),
  readyWhen: z
    .union([
      z.strictObject({
        log: z
          .string()
          .min(1)
          .refine(isRegExp, "is not a regular expression")
          .describe("regular expression that a log line matches once the worker is ready"),
      }),
      z.strictObject({
        port: z.int().min(1).max(65_535).describe("port of the container that answers once the worker is ready"),
      }),
    ])
    .optional()
    .describe("how to tell that the worker is ready: `{ log }` or `{ port }`"),
  onInterruption: z
    .enum(["rebid", "replace", "fail"])
    .default("replace")
    .describe(
      "what the next `up` does about an outbid instance: bid again (up to `maxBid`), rent another, or stop with an error",
    ),
  onOffline: z
    .enum(["block", "park"])
    .default("block")
    .describe(
      "what the next `up` does while the host is offline: leave the instance alone, or rent another and keep the old contract on record in the copy-out target until its host is back. A destroy always waits for the host",
    ),
  maxDurationHours: z
    .number()
    .positive()
    .optional()
    .describe("hours from the rental to `expiry`; offers must be rentable that long"),
  expiresAt: z.iso
    .datetime({ offset: true })
    .optional()
    .describe(
      "ISO time of `expiry`; offers must be rentable until then. After it `up` stops the instance, and starts and replaces nothing",
    ),
  tags: z
    .record(z.string().min(1), z.string().max(256))
    .optional()
    .describe("whose it is, e.g. team and owner: kept in the state only, for policies and reports"),
  sshKeys: z
    .array(z.string().regex(/^(ssh-|ecdsa-)\S+ \S+/, "is a whole public key line: ssh-ed25519 AAAA… name"))
    .default([])
    .describe("public keys attached to the instance, besides those of the account; `up` attaches what was lost"),
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
