// @ts-check
import { aptInstall, aptSystem, thisMachine } from "./apt.mjs";
import { ask, findExecutable } from "./commands.mjs";
import { SetupError } from "./messages.mjs";
import { provide } from "./sources.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/**
 * The executable of a Chromium for the tests that look at pages, installed where there is none and it may be.
 * Only these tests ask for it: nobody else needs to wait for a browser.
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<string>}
 */
export async function provideBrowser(env = process.env) {
  if (env.CHROMIUM_PATH) return chosen(env.CHROMIUM_PATH);
  const found = await provide({
    what: "Chromium",
    lock: "chromium.lock",
    there: [{ name: `${NAMES.join(", ")} on PATH`, get: () => onPath(env.PATH) }],
    make: [{ name: "Debian's package", get: () => install(env) }],
    ways: [
      "install Chromium or Chrome and put it on PATH as one of the names above",
      "set CHROMIUM_PATH to its executable",
      "run the tests as root on Debian or Ubuntu: they install the package by themselves",
    ],
  });
  // Unlike the other parts of the set-up it is started by its path: `bin` is the executable, not a folder for PATH.
  return /** @type {string} */ (found.bin);
}

/** @param {string} executable */
function chosen(executable) {
  const why = whyNot(executable);
  if (why) throw new SetupError(`CHROMIUM_PATH is ${executable}, and ${why}.`);
  return executable;
}

/** @param {string | undefined} path */
function onPath(path) {
  const tried = [];
  for (const name of NAMES) {
    const bin = findExecutable(name, path);
    const why = bin && whyNot(bin);
    if (bin && !why) return { bin };
    if (bin) tried.push(`${bin}: ${why}`);
  }
  return { why: tried.join("\n") || "there is none" };
}

/**
 * On Ubuntu the name may belong to a stub that only says where to find the snap.
 * @param {string} executable
 */
function whyNot(executable) {
  return ask(executable, ["--version"]) ? undefined : `\`${executable} --version\` fails`;
}

/** @param {NodeJS.ProcessEnv} env */
async function install(env) {
  const plan = planInstall(thisMachine());
  if ("why" in plan) return plan;
  const why = await aptInstall(plan.packages, { what: "Chromium", hint: "about a minute and 500 MB", env });
  return why ? { why } : onPath(env.PATH);
}

/**
 * What apt-get would install, or why it may not. Without a font of its own a bare container shows no text.
 * @param {{osRelease: string, uid: number | undefined}} machine
 * @returns {{packages: string[]} | {why: string}}
 */
export function planInstall(machine) {
  const may = aptSystem(machine);
  if ("why" in may) return may;
  return { packages: [may.system === "ubuntu" ? "chromium-browser" : "chromium", "fonts-liberation"] };
}
