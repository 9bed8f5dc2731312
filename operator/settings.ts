/** A setting as it holds now. */
export interface Setting {
  name: string;
  /** Undefined where nothing sets it and it has no default. */
  value: string | undefined;
  /** Key of the stack config, name of the environment variable, `default` or `not set`. */
  source: string;
  what: string;
}

interface Known {
  name: string;
  what: string;
  key?: string;
  variable?: string;
  default?: string;
  secret?: boolean;
}

/** In this order of precedence: stack config, environment, default. */
const KNOWN: readonly Known[] = [
  {
    name: "API key",
    what: "of the Vast account",
    key: "vast:apiKey",
    variable: "VAST_API_KEY",
    secret: true,
  },
  {
    name: "API endpoint",
    what: "where the service is",
    key: "vast:apiUrl",
    variable: "VAST_URL",
    default: "https://console.vast.ai",
  },
  {
    name: "SSH key",
    what: "private key for ssh, health and checksums; default: the usual ones in ~/.ssh, or the agent",
    key: "vast:sshKeyFile",
    variable: "VAST_SSH_KEY",
  },
  { name: "owner", what: "by which this stack's contracts are told from others", key: "vast:owner" },
  {
    name: "clock",
    what: "seconds of the service per second; other than 1 for a simulator",
    key: "vast:clockScale",
    default: "1",
  },
  { name: "default image", what: "of profiles that name none", variable: "VAST_DEFAULT_IMAGE" },
  { name: "price cap", what: "USD/h all-in, of profiles that give no offer.maxDph", variable: "VAST_MAX_PRICE" },
  {
    name: "fewest workers",
    what: "where the autoscaler's policy says no min",
    variable: "VAST_AUTOSCALE_MIN",
    default: "2",
  },
  {
    name: "most workers",
    what: "where the autoscaler's policy says no max",
    variable: "VAST_AUTOSCALE_MAX",
    default: "10",
  },
  {
    name: "copy-out waiver",
    what: "destroys without a copy-out, in runs of this environment",
    variable: "VAST_WAIVE_COPY_OUT",
  },
];

export function effective(config: (key: string) => string | undefined, env: NodeJS.ProcessEnv): Setting[] {
  return KNOWN.map(({ name, what, key, variable, secret, default: preset }) => {
    const configured = key === undefined ? undefined : config(key);
    const fromEnv = variable === undefined ? undefined : env[variable];
    const value = configured ?? fromEnv ?? preset;
    return {
      name,
      value: secret && value !== undefined ? "(hidden)" : value,
      source: sourceOf(configured, fromEnv, { key, variable, preset }),
      what,
    };
  });
}

function sourceOf(
  configured: string | undefined,
  fromEnv: string | undefined,
  { key, variable, preset }: { key: string | undefined; variable: string | undefined; preset: string | undefined },
): string {
  if (configured !== undefined && key !== undefined) return key;
  if (fromEnv !== undefined && variable !== undefined) return variable;
  return preset === undefined ? "not set" : "default";
}
