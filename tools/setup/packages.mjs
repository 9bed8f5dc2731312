// @ts-check
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ask, run, say, step } from "./commands.mjs";
import { withLock } from "./lock.mjs";
import { SetupError } from "./messages.mjs";
import { isAtLeast, NODE_FLOOR } from "./versions.mjs";

const DEPENDENCY_KINDS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/**
 * @typedef {Record<string, any>} Manifest
 * @typedef {{packages: Record<string, Manifest>}} Lockfile
 */

/**
 * Whether the installed packages are those of the lockfile, and the lockfile covers the package.json files.
 * `installed` is npm's own record in node_modules, which it writes at the end of an install: a half-finished one has none.
 * @param {Lockfile} lockfile
 * @param {Lockfile | undefined} installed
 * @param {Record<string, Manifest | undefined>} manifests by folder, the root's under ""
 */
export function isInstalled(lockfile, installed, manifests) {
  if (!installed) return false;
  const folders = Object.entries(lockfile.packages).filter(([path]) => !path.includes("node_modules/"));
  const inStep = folders.every(([path, entry]) =>
    DEPENDENCY_KINDS.every((kind) => isPartOf(manifests[path]?.[kind], entry[kind])),
  );
  if (!inStep) return false;
  return Object.entries(lockfile.packages).every(([path, wanted]) => {
    if (!path.includes("node_modules/")) return true;
    const present = installed.packages[path];
    // Packages for other platforms are in the lockfile and nowhere else.
    if (!present) return wanted.optional === true;
    return present.version === wanted.version && present.integrity === wanted.integrity && present.link === wanted.link;
  });
}

/**
 * What a package.json no longer asks for may still be in the lockfile: npm ci accepts that as well.
 * @param {Record<string, string>} declared
 * @param {Record<string, string>} locked
 */
function isPartOf(declared = {}, locked = {}) {
  return Object.entries(declared).every(([name, range]) => locked[name] === range);
}

/**
 * `npm ci`, when it is needed.
 * @param {string} root
 */
export async function installPackages(root) {
  if (upToDate(root)) return;
  const lock = join(root, ".local/setup/packages.lock");
  await withLock(
    lock,
    ({ pid }) => say(`another set-up (process ${pid}) is installing packages …`),
    async () => {
      if (upToDate(root)) return;
      const failed = await step("npm packages (npm ci)", "about a minute", () =>
        // Node 24 and the test tools are development dependencies: a user's NODE_ENV or omit setting must not drop them.
        // The packages ask for a newer Node than this may be; they will run on the one they come with.
        run("npm", ["ci", "--include=dev", "--engine-strict=false", "--no-audit", "--no-fund", "--loglevel=error"], {
          cwd: root,
          env: { ...process.env, PATH: withoutFolder(process.env.PATH ?? "", join(root, "node_modules/.bin")) },
        }),
      );
      if (failed) {
        throw new SetupError(
          [
            "The npm packages cannot be installed.",
            "",
            `  ${failed.replaceAll("\n", "\n    ")}`,
            "",
            "npm needs its registry (npm config get registry), or a mirror of it, to be reachable from here.",
          ].join("\n"),
        );
      }
    },
  );
}

/** @param {string} root */
function upToDate(root) {
  /** @param {string} path */
  const read = (path) =>
    existsSync(join(root, path)) ? JSON.parse(readFileSync(join(root, path), "utf8")) : undefined;
  /** @type {Lockfile} */
  const lockfile = read("package-lock.json");
  const folders = Object.keys(lockfile.packages).filter((path) => !path.includes("node_modules/"));
  const manifests = Object.fromEntries(folders.map((path) => [path, read(join(path, "package.json"))]));
  return isInstalled(lockfile, read("node_modules/.package-lock.json"), manifests);
}

/**
 * npm must not run on the Node in the folder that it is about to remove.
 * @param {string} path
 * @param {string} folder
 */
function withoutFolder(path, folder) {
  return path
    .split(delimiter)
    .filter((entry) => entry !== folder)
    .join(delimiter);
}

/**
 * The Node that runs everything: version 24 from the npm package `node`, or else the user's own if it is new enough.
 * @param {string} root
 */
export function newNode(root) {
  const own = join(root, "node_modules/.bin/node");
  if (isAtLeast(ask(own, ["--version"]) ?? "", NODE_FLOOR)) return own;
  if (isAtLeast(process.version, NODE_FLOOR)) return process.execPath;
  throw new SetupError(
    [
      `Node ${NODE_FLOOR} or newer is needed; this is ${process.version}, and the npm package \`node\` did not bring its own.`,
      "",
      "Any one of these helps:",
      "  - let npm run install scripts (npm config get ignore-scripts), then: npm rebuild node",
      `  - install Node ${NODE_FLOOR} or newer (https://nodejs.org/)`,
    ].join("\n"),
  );
}
