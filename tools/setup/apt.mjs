// @ts-check
import { existsSync, readFileSync } from "node:fs";
import { run, step } from "./commands.mjs";

/**
 * Whether apt-get may install packages here, and on which of its two systems.
 * @param {{osRelease: string, uid: number | undefined}} machine
 * @returns {{system: "debian" | "ubuntu"} | {why: string}}
 */
export function aptSystem({ osRelease, uid }) {
  const ids = [...osRelease.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap(([, names = ""]) => names.split(" "));
  if (!ids.includes("debian") && !ids.includes("ubuntu")) return { why: "this is neither Debian nor Ubuntu" };
  if (uid !== 0) return { why: "only root can install it" };
  return { system: ids.includes("ubuntu") ? "ubuntu" : "debian" };
}

/** What the decision looks at. */
export function thisMachine() {
  const osRelease = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return { osRelease, uid: process.getuid?.() };
}

/**
 * Installs packages; answers why it could not.
 * @param {string[]} packages
 * @param {{what: string, hint: string, env: NodeJS.ProcessEnv}} options
 * @returns {Promise<string | undefined>}
 */
export function aptInstall(packages, { what, hint, env }) {
  const options = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
  return step(`${what} (apt-get install ${packages[0]})`, hint, async () => {
    const stale = await run("apt-get", ["update", "-q"], options);
    const args = ["install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", ...packages];
    const failed = await run("apt-get", args, options);
    return failed && [stale, failed].filter(Boolean).join("\n");
  });
}
