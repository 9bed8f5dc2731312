// @ts-check
// What the set-up pins, and what it accepts from a machine that has its own.

/** Policy packs reach this engine through a shim; see `whyNotSuitable`. */
export const ENGINE_VERSION = "3.220.0";
/** The last language host that is part of a module the Go proxy serves. */
export const LANGUAGE_HOST_VERSION = "3.68.0";
export const S3_SERVER_VERSION = "1.8.0";
export const REDIS_SERVER_VERSION = "2.40.0";

/** The floor of undici, vitest and native type stripping. */
export const NODE_FLOOR = "22.19.0";
export const ENGINE_FLOOR = "3.200.0";
/** From here on the engine starts policy packs through the language host, and no longer through a shim. */
const POLICIES_BY_HOST = "3.221.0";

/**
 * The first version number in a text: "v3.220.0", "go version go1.26.8 linux/amd64", "v3.221.0-alpha.1".
 * @param {string} text
 * @returns {number[] | undefined}
 */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/**
 * @param {string} text
 * @param {string} floor
 */
export function isAtLeast(text, floor) {
  const version = parseVersion(text);
  const wanted = parseVersion(floor);
  if (!version || !wanted) return false;
  const differs = version.findIndex((part, i) => part !== wanted[i]);
  return differs === -1 || Number(version[differs]) > Number(wanted[differs]);
}

/**
 * Why an engine cannot run this project, or undefined when it can: it needs the parts that run Node.js programs,
 * dynamic providers and policy packs, and these come in separate executables.
 * @param {{version: string, host: boolean, hostVersion?: string | undefined, dynamicShim: boolean, policyShim: boolean}} found
 * @returns {string | undefined}
 */
export function whyNotSuitable({ version, host, hostVersion, dynamicShim, policyShim }) {
  if (parseVersion(version)?.[0] !== 3) return `its version is "${version}", and version 3 is needed`;
  if (!isAtLeast(version, ENGINE_FLOOR)) return `${version} is older than ${ENGINE_FLOOR}`;
  if (!host) return `${version} comes without pulumi-language-nodejs`;
  if (!dynamicShim) return `${version} comes without pulumi-resource-pulumi-nodejs`;
  if (!isAtLeast(version, POLICIES_BY_HOST)) {
    return policyShim ? undefined : `${version} comes without pulumi-analyzer-policy`;
  }
  // Hosts too old to start a policy pack do not know the -version flag either.
  if (hostVersion && isAtLeast(hostVersion, POLICIES_BY_HOST)) return undefined;
  return `its pulumi-language-nodejs is too old to run policy packs under engine ${version}`;
}

/**
 * The value of GOTOOLCHAIN for a build, or undefined when this Go can neither build it nor fetch a Go that can.
 * @param {string} installed what `go version` says
 * @param {string} needed
 * @returns {"local" | "auto" | undefined}
 */
export function goToolchain(installed, needed) {
  if (isAtLeast(installed, needed)) return "local";
  return isAtLeast(installed, "1.21") ? "auto" : undefined;
}
