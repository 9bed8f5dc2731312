import { z } from "zod";
import { VastError } from "./api/errors.ts";

/** How handlers reach the service; from the stack config, which beats the environment (design.md, "Identity"). */
export interface ProviderConfig {
  endpoint: string;
  apiKey: string;
  /** Seconds of the service per wall second; other than 1 only for a simulator on this machine. */
  clockScale: number;
  /** Destroys allowed without a copy-out in this run: resource names (or `*`) and the written reason. */
  waiver: { resources: string[]; reason: string } | undefined;
  /** Private key for SSH to instances, where a copy-out asks for it; undefined: the usual ones in ~/.ssh, or the agent. */
  sshKeyFile?: string | undefined;
  /** Where a setting came from, for messages. */
  source: { endpoint: string; apiKey: string };
}

const DEFAULT_ENDPOINT = "https://console.vast.ai";
/**
 * For one run, so a variable of that run: what the stack config says reaches a plain destroy as the last `up` recorded it,
 * and would then waive what nobody means to waive any more.
 */
const WAIVER_VARIABLE = "VAST_WAIVE_COPY_OUT";
const waiverSchema = z.strictObject({
  resources: z.array(z.string().min(1)).min(1),
  reason: z.string().trim().min(10),
});

export function readConfig(
  get: (key: string) => string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): ProviderConfig {
  const pick = (key: string, variable: string): [string | undefined, string] => {
    const configured = get(key);
    return configured === undefined ? [env[variable], variable] : [configured, key];
  };
  const [url, urlSource] = pick("vast:apiUrl", "VAST_URL");
  const [apiKey, keySource] = pick("vast:apiKey", "VAST_API_KEY");
  if (!apiKey) {
    throw new VastError("config", "no Vast.ai API key is set", {
      fix: "run `pulumi config set --secret vast:apiKey`, or set VAST_API_KEY in the environment",
    });
  }
  const [sshKeyFile] = pick("vast:sshKeyFile", "VAST_SSH_KEY");
  const endpoint = parseEndpoint(url ?? DEFAULT_ENDPOINT, urlSource);
  return {
    endpoint,
    apiKey,
    clockScale: parseScale(get("vast:clockScale"), endpoint),
    waiver: parseWaiver(env[WAIVER_VARIABLE]),
    sshKeyFile,
    source: { endpoint: url === undefined ? "default" : urlSource, apiKey: keySource },
  };
}

function parseEndpoint(text: string, source: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new VastError("config", `${source} is not a URL: ${text}`, { fix: `write it like ${DEFAULT_ENDPOINT}` });
  }
  if (url.protocol !== "https:" && !isLoopback(url)) {
    throw new VastError("config", `${source} would send the API key in clear to ${url.host}`, {
      fix: "use https (http is for a simulator on this machine)",
    });
  }
  return url.origin;
}

/** A simulator: the service itself is nowhere near. */
export function isLoopback(url: URL): boolean {
  return url.hostname === "localhost" || url.hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
}

function parseScale(text: string | undefined, endpoint: string): number {
  const scale = text === undefined ? 1 : Number(text);
  if (!(scale > 0)) throw new VastError("config", `vast:clockScale must be a number above 0, not ${text}`);
  if (scale !== 1 && !isLoopback(new URL(endpoint))) {
    throw new VastError("config", `vast:clockScale ${text} would break the rate limits of ${endpoint}`, {
      fix: "remove it: a clock other than the wall's is for a simulator on this machine",
    });
  }
  return scale;
}

function parseWaiver(text: string | undefined): ProviderConfig["waiver"] {
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = waiverSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new VastError(
    "config",
    `${WAIVER_VARIABLE} must name resources and a written reason of at least 10 characters`,
    {
      fix: `${WAIVER_VARIABLE}='{"resources": ["trainer-0"], "reason": "results are already in the registry"}' pulumi destroy`,
    },
  );
}
