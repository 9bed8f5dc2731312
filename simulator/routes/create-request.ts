import { z } from "zod";
import type { RentRequest } from "../world/rent.ts";

/** vast-api.md 3.1: limits of the create body. */
export const MIN_DISK_GB = 8;
export const DEFAULT_IMAGE = "vastai/base-image:@vastai-automatic-tag";
const MAX_ENV_ENTRIES = 256;
const MAX_ENV_CHARS = 32_768;
const MAX_SCRIPT_CHARS = 4096;
const MAX_BID = 128;
const MIN_BID = 0.001;

export const CreateBody = z.object({
  image: z.string().max(1024).nullish(),
  template_hash_id: z.string().nullish(),
  template_id: z.coerce.number().int().nullish(),
  disk: z.coerce.number().nullish(),
  price: z.coerce.number().nullish(),
  env: z.union([z.record(z.string(), z.unknown()), z.string()]).nullish(),
  runtype: z.string().nullish(),
  onstart: z.string().nullish(),
  args: z.array(z.coerce.string()).nullish(),
  args_str: z.string().nullish(),
  label: z.string().max(256, "label_too_long").nullish(),
  image_login: z.string().nullish(),
  target_state: z.enum(["running", "stopped"]).nullish(),
  cancel_unavail: z.boolean().nullish(),
  volume_info: z
    .object({
      create_new: z.boolean().nullish(),
      volume_id: z.coerce.number().int(),
      size: z.coerce.number().int().positive().nullish(),
      mount_path: z.string(),
      name: z.string().nullish(),
    })
    .nullish(),
  ssh_key: z.string().nullish(),
  vm: z.boolean().nullish(),
});
export type CreateBody = z.infer<typeof CreateBody>;

/** What was wrong, as `error` and `msg` of a 400. */
export interface Problem {
  error: string;
  msg: string;
}

export function readEnv(env: CreateBody["env"]): [string, string][] | Problem {
  if (env === null || env === undefined) return [];
  const pairs = typeof env === "string" ? parseFlags(env) : Object.entries(env).map(([k, v]) => pair(k, v));
  if (pairs.length > MAX_ENV_ENTRIES)
    return { error: "invalid_args", msg: `env has more than ${MAX_ENV_ENTRIES} entries` };
  const chars = pairs.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (chars > MAX_ENV_CHARS) return { error: "invalid_args", msg: `env is longer than ${MAX_ENV_CHARS} characters` };
  return pairs;
}

function pair(key: string, value: unknown): [string, string] {
  return [key, typeof value === "string" ? value : JSON.stringify(value)];
}

/** The other documented form: docker flags in one string, "-e A=b -p 8000:8000 -v V.1:/mnt -h name". */
export function parseFlags(flags: string): [string, string][] {
  const words = flags.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)?.map((word) => word.replaceAll(/["']/g, "")) ?? [];
  const pairs: [string, string][] = [];
  for (let index = 0; index < words.length; index += 1) {
    const flag = words[index] ?? "";
    if (!["-e", "--env", "-p", "-v", "-h", "-n", "--hostname"].includes(flag)) continue;
    index += 1;
    const value = words[index] ?? "";
    if (flag === "-e" || flag === "--env") {
      const split = value.indexOf("=");
      pairs.push(split < 0 ? [value, ""] : [value.slice(0, split), value.slice(split + 1)]);
    } else if (flag === "-h" || flag === "--hostname") {
      pairs.push(["-h", value]);
    } else {
      pairs.push([`${flag} ${value}`, "1"]);
    }
  }
  return pairs;
}

/** Both spellings, alone or as a set, to what a row shows (vast-api.md 3.1, 3.4). */
export function storedRuntype(runtype: string | null | undefined): string | Problem {
  const words = (runtype ?? "ssh").trim().split(/\s+/);
  const known = [
    "ssh",
    "ssh_proxy",
    "ssh_direc",
    "ssh_direct",
    "jupyter",
    "jupyter_proxy",
    "jupyter_direc",
    "jupyter_direct",
    "args",
  ];
  const unknown = words.find((word) => !known.includes(word));
  if (unknown !== undefined)
    return { error: "invalid_args", msg: `error 400/3467: Invalid args: unknown runtype '${unknown}'` };
  const has = (...names: string[]): boolean => names.some((name) => words.includes(name));
  if (has("jupyter_direc", "jupyter_direct")) return "jupyter_direc ssh_direc ssh_proxy";
  if (has("jupyter", "jupyter_proxy")) return "jupyter_proxy ssh_proxy";
  if (has("ssh_direc", "ssh_direct")) return "ssh ssh_direc ssh_proxy";
  return has("args") ? "args" : "ssh ssh_proxy";
}

export interface TemplateValues {
  id: number;
  hashId: string;
  name: string;
  image: string;
  env: [string, string][];
  onstart: string | null;
  runtype: string;
  argsStr: string | null;
  diskGb: number | null;
}

/** Merges with the template: scalars of the request win, env merges per key (vast-api.md 3.1). */
export function toRentRequest(body: CreateBody, template: TemplateValues | null): RentRequest | Problem {
  const env = readEnv(body.env);
  if (!Array.isArray(env)) return env;
  const base = template ?? NO_TEMPLATE;
  const runtype = storedRuntype(body.runtype ?? base.runtype);
  if (typeof runtype !== "string") return runtype;
  const onstart = body.onstart ?? base.onstart;
  const imageArgs = body.args ?? words(body.args_str ?? base.argsStr);
  const diskGb = body.disk ?? base.diskGb ?? MIN_DISK_GB;
  const problem = checkScripts(onstart, imageArgs) ?? checkDisk(diskGb) ?? checkPrice(body.price);
  if (problem) return problem;
  const bid = body.price ?? null;
  const stopped = body.target_state === "stopped";
  return {
    image: body.image || base.image,
    imageLogin: body.image_login || null,
    imageArgs,
    runtype,
    env: [...new Map([...base.env, ...env])],
    onstart,
    label: body.label || null,
    diskGb,
    bid,
    stopped,
    isVm: body.vm ?? false,
    cancelUnavailable: body.cancel_unavail ?? (bid === null && !stopped),
    template: template ? { id: template.id, hashId: template.hashId, name: template.name } : null,
  };
}

const NO_TEMPLATE: Omit<TemplateValues, "id" | "hashId" | "name"> = {
  image: DEFAULT_IMAGE,
  env: [],
  onstart: null,
  runtype: "ssh",
  argsStr: null,
  diskGb: null,
};

function words(text: string | null): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

function checkScripts(onstart: string | null, args: readonly string[]): Problem | undefined {
  const chars = (onstart?.length ?? 0) + args.join(" ").length;
  if (chars <= MAX_SCRIPT_CHARS) return undefined;
  return {
    error: "invalid_args",
    msg: `error 400/3467: Invalid args: onstart and args exceed ${MAX_SCRIPT_CHARS} characters`,
  };
}

function checkDisk(diskGb: number): Problem | undefined {
  if (diskGb >= MIN_DISK_GB) return undefined;
  return { error: "invalid_args", msg: `error 400/3467: Invalid args: disk must be at least ${MIN_DISK_GB} GB` };
}

export function checkPrice(price: number | null | undefined): Problem | undefined {
  if (price === null || price === undefined) return undefined;
  if (price >= MIN_BID && price <= MAX_BID) return undefined;
  return { error: "invalid_price", msg: `Please set a bid price >= ${MIN_BID} and <= ${MAX_BID}.` };
}
