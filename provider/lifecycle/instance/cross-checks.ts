import { ONSTART_LIMIT_BYTES } from "../../api/assumptions.ts";
import { scheduleOf } from "../../copy-out/inputs.ts";
import { cudaOfImage, secretIn, wrapOnstart } from "../../fleet/image.ts";
import { type CheckFailure, type CheckResult, checkInputs } from "../check.ts";
import { expiredBeforeRental } from "./expiry.ts";
import { type InstanceInputs, inputsSchema } from "./inputs.ts";

/** All that can be said about the inputs before anything is asked of the service; `olds` are empty for what is to be rented. */
export function checkInstance(
  olds: Record<string, unknown> | undefined,
  news: Record<string, unknown>,
  nowS: number,
): CheckResult {
  const result = checkInputs(inputsSchema, news, crossChecks);
  if (result.failures.length > 0 || Object.keys(olds ?? {}).length > 0) return result;
  const reason = expiredBeforeRental(result.inputs as Partial<InstanceInputs>, nowS);
  return reason === undefined ? result : { ...result, failures: [{ property: "expiresAt", reason }] };
}

/**
 * Rules across properties. Values that a preview does not know yet are absent from `inputs` and judged again in the
 * update, when they are known; `unknown` names the properties that are, or hold, such values.
 */
export function crossChecks(inputs: Partial<InstanceInputs>, unknown: ReadonlySet<string> = new Set()): CheckFailure[] {
  return CROSS_CHECKS.flatMap((check) => check(inputs, unknown) ?? []);
}

type CrossCheck = (inputs: Partial<InstanceInputs>, unknown: ReadonlySet<string>) => CheckFailure | undefined;
/** Ports that a runtype opens by itself (vast-api.md 3.1). */
const PORTS_OF_RUNTYPE: Readonly<Record<string, readonly number[]>> = { ssh_direct: [22], jupyter_direct: [22, 8080] };
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
  ({ image, template }, unknown) =>
    image === undefined && template === undefined && !unknown.has("image") && !unknown.has("template")
      ? { property: "image", reason: "is missing: name an image, or a `template` that has one" }
      : undefined,
  ({ args, runtype, onstart }) => {
    if (!args?.length) return undefined;
    if (runtype !== "args")
      return {
        property: "args",
        reason: `would be ignored: runtype "${runtype}" has its own entry point; set runtype "args"`,
      };
    const bytes = Buffer.byteLength(args.join(" ") + (isText(onstart) ? onstart : ""));
    if (bytes <= ONSTART_LIMIT_BYTES) return undefined;
    return { property: "args", reason: `and onstart together are ${bytes} bytes; the limit is ${ONSTART_LIMIT_BYTES}` };
  },
  ({ bid, fallback, offer }, unknown) => {
    if (fallback === undefined) return undefined;
    if (bid === undefined && !unknown.has("bid"))
      return { property: "fallback", reason: "needs `bid`: without it the instance is rented on demand anyway" };
    if (offer && offer.maxDph === undefined && !unknown.has("offer"))
      return {
        property: "offer.maxDph",
        reason: "is needed with `fallback`: it is the most that on demand may cost, USD/h all-in",
      };
    return undefined;
  },
  ({ onOffline, copyOut }, unknown) =>
    onOffline === "park" && !copyOut?.target && !unknown.has("copyOut")
      ? { property: "onOffline", reason: '"park" needs `copyOut.target`: there the contract is kept on record' }
      : undefined,
  ({ readyWhen, ports, runtype }) => {
    if (!readyWhen || !("port" in readyWhen) || runtype === undefined) return undefined;
    const opened = [...(ports ?? []), ...(PORTS_OF_RUNTYPE[runtype] ?? [])].map((port) =>
      Number.parseInt(String(port), 10),
    );
    if (opened.includes(readyWhen.port)) return undefined;
    return { property: "readyWhen.port", reason: `${readyWhen.port} is not open; add it to \`ports\`` };
  },
  ({ waitFor, readyWhen }, unknown) =>
    waitFor === "ready" && readyWhen === undefined && !unknown.has("readyWhen")
      ? {
          property: "readyWhen",
          reason:
            'is needed with waitFor "ready": say which log line or port shows it, e.g. { log: "^epoch 1" } or { port: 8000 }',
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
  ({ copyOut }) =>
    copyOut && copyOut.waive === undefined && scheduleOf(copyOut) !== undefined && copyOut.paths.length > 1
      ? {
          property: "copyOut.paths",
          reason: `are ${copyOut.paths.length} folders, but the service keeps one scheduled copy per instance: name the one folder that holds them all, or set \`schedule: "never"\``,
        }
      : undefined,
];
