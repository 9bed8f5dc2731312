import { isProps, type Props } from "./wire.ts";

/** What the stand-in runs with: the settings of the real plugin, as far as they make sense on one machine. */
export interface Config {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly endpoints: { readonly s3: string; readonly iam?: string; readonly sts?: string };
  readonly defaultTags: Record<string, string>;
}

/** Settings that only make sense with a real account: with them, someone expects the real plugin. */
const REAL_ACCOUNT_SETTINGS = ["profile", "assumeRoles", "assumeRoleWithWebIdentity", "token"];

/** Throws unless everything it would talk to is on this machine. */
export function readConfig(args: Props, env: NodeJS.ProcessEnv, version: string): Config {
  const refuse = (reason: string): never => {
    throw new Error(
      `${reason} This is the local stand-in for the AWS plugin (tools/aws-local): it only works against servers on this machine. ` +
        `For a local run use the settings that "npm run local" prints. For real AWS take tools/aws-local off PATH ` +
        `and run "pulumi plugin install resource aws ${version}".`,
    );
  };
  for (const setting of REAL_ACCOUNT_SETTINGS) {
    if (hasValue(parsed(args[setting]))) refuse(`aws:${setting} is set.`);
  }
  const endpoints = readEndpoints(args, env);
  for (const [service, url] of Object.entries(endpoints)) {
    if (!isLoopback(url))
      refuse(`The endpoint of ${service} is ${withoutLogin(url)}, which is not a loopback address.`);
  }
  const s3 = endpoints.s3 ?? refuse("No S3 endpoint is set (aws:endpoints with s3, or AWS_ENDPOINT_URL_S3).");
  const missing = (what: string) => refuse(`${what} is not set.`);
  return {
    region:
      text(args.region) ??
      text(env.AWS_REGION) ??
      text(env.AWS_DEFAULT_REGION) ??
      missing("The region (aws:region or AWS_REGION)"),
    accessKeyId: text(args.accessKey) ?? text(env.AWS_ACCESS_KEY_ID) ?? missing("AWS_ACCESS_KEY_ID (or aws:accessKey)"),
    secretAccessKey:
      text(args.secretKey) ?? text(env.AWS_SECRET_ACCESS_KEY) ?? missing("AWS_SECRET_ACCESS_KEY (or aws:secretKey)"),
    // The local server answers IAM and STS at one address.
    endpoints: { s3, iam: endpoints.iam, sts: endpoints.sts ?? endpoints.iam },
    defaultTags: readDefaultTags(args),
  };
}

/** Config beats the environment, as in the real plugin. */
function readEndpoints(args: Props, env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const everything = text(env.AWS_ENDPOINT_URL);
  const endpoints: Record<string, string | undefined> = {
    s3: text(env.AWS_ENDPOINT_URL_S3) ?? everything,
    iam: text(env.AWS_ENDPOINT_URL_IAM) ?? everything,
    sts: text(env.AWS_ENDPOINT_URL_STS) ?? everything,
  };
  const listed = parsed(args.endpoints);
  for (const entry of Array.isArray(listed) ? listed : [listed]) {
    if (!isProps(entry)) continue;
    for (const [service, url] of Object.entries(entry)) if (hasValue(url)) endpoints[service] = String(url);
  }
  return Object.fromEntries(Object.entries(endpoints).filter(([, url]) => url !== undefined));
}

function readDefaultTags(args: Props): Record<string, string> {
  const given = parsed(args.defaultTags);
  const tags = isProps(given) && isProps(given.tags) ? given.tags : {};
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [key, String(value)]));
}

export function isLoopback(url: string | undefined): boolean {
  if (url === undefined || !URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") return false;
  // URL has brought every way of writing an IPv4 address (0x7f.1, 2130706433) into dotted form by now.
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function withoutLogin(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) return "no URL";
  const parsedUrl = new URL(url);
  return `${parsedUrl.protocol}//${parsedUrl.host}`;
}

/** The engine sends structured settings as JSON text, newer ones as they are. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function hasValue(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
